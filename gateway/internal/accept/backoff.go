package accept

import "time"

// Backoff is the time to wait after a failed accept, since most failures are a shortage of
// resources that other connections or processes use. The zero value waits 5 ms at first; set it to
// zero after an accept that did not fail.
type Backoff time.Duration

func (b *Backoff) nextDelay() time.Duration {
	const first, last = Backoff(5 * time.Millisecond), Backoff(time.Second)
	*b = min(max(2**b, first), last)
	return time.Duration(*b)
}

// Sleep waits, twice as long each time, up to one second. It returns false if quit was closed
// first.
func (b *Backoff) Sleep(quit <-chan struct{}) bool {
	t := time.NewTimer(b.nextDelay())
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-quit:
		return false
	}
}
