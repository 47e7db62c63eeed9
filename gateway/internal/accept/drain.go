package accept

import (
	"errors"
	"net"
	"os"
	"time"
)

// Drain lets an accept loop, whose listener was given a deadline, accept the connections that are
// in the system's queue. On a busy machine the deadline may pass before the loop runs, and accept
// may fail temporarily. The zero value is ready for one listener.
type Drain struct{ until time.Time }

// maxDrain limits the time after the deadline, since clients may continue to connect. drainStep is
// the time for each further attempt.
const (
	maxDrain  = time.Second
	drainStep = 10 * time.Millisecond
)

// Again reports whether Accept must be called again after it failed with err. If the deadline has
// passed and a connection is in the queue, Again sets a new deadline and returns true. After a
// temporary failure it sleeps for 10 ms and returns true. One second after the first call that
// returned true it returns false.
func (d *Drain) Again(l net.Listener, err error) bool {
	now := time.Now()
	if !d.until.IsZero() && !now.Before(d.until) {
		return false
	}
	again := false
	if Passing(err) {
		time.Sleep(drainStep)
		again = true
	} else if timed, ok := l.(interface{ SetDeadline(time.Time) error }); ok && errors.Is(err, os.ErrDeadlineExceeded) {
		again = hasPending(l) && timed.SetDeadline(now.Add(drainStep)) == nil
	}
	if again && d.until.IsZero() {
		d.until = now.Add(maxDrain)
	}
	return again
}
