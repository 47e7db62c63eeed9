package accept

import "time"

// Backoff is the time to wait after a failed accept: most such failures are a shortage that others
// must end. The zero value waits 5 ms at first; set it to zero after an accept that did not fail.
type Backoff time.Duration

func (b *Backoff) next() time.Duration {
	const first, last = Backoff(5 * time.Millisecond), Backoff(time.Second)
	*b = min(max(2**b, first), last)
	return time.Duration(*b)
}

// Sleep waits, each time longer. It returns false when quit was closed first.
func (b *Backoff) Sleep(quit <-chan struct{}) bool {
	t := time.NewTimer(b.next())
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-quit:
		return false
	}
}
