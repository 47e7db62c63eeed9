package accept

import (
	"errors"
	"net"
	"os"
	"time"
)

// Rest bounds the end of an accept loop whose listener was given a deadline, to accept the
// connections in the system's queue until then. On a busy machine the deadline may pass before the
// loop runs, and accept may fail for a while. The zero value is ready for one listener.
type Rest struct{ until time.Time }

// restTime bounds the work after the deadline, since clients may go on to connect. restStep is the
// time for each further try.
const (
	restTime = time.Second
	restStep = 10 * time.Millisecond
)

// Waits reports whether to call Accept again after it failed with err. That is so after the
// deadline while a connection waits in the queue: the listener then has a new deadline. It is also
// so after a temporary failure: Waits then has slept for 10 ms. It is false one second after the
// first call that was true.
func (r *Rest) Waits(l net.Listener, err error) bool {
	now := time.Now()
	if !r.until.IsZero() && !now.Before(r.until) {
		return false
	}
	again := false
	if Passing(err) {
		time.Sleep(restStep)
		again = true
	} else if timed, ok := l.(interface{ SetDeadline(time.Time) error }); ok && errors.Is(err, os.ErrDeadlineExceeded) {
		again = hasWaiting(l) && timed.SetDeadline(now.Add(restStep)) == nil
	}
	if again && r.until.IsZero() {
		r.until = now.Add(restTime)
	}
	return again
}
