package accept

import (
	"errors"
	"net"
	"os"
	"time"
)

// Rest is the end of a loop whose listener was given a deadline, to take until then what waits in
// the system's queue. On a busy machine the deadline may pass before the loop runs. The zero value
// is ready for one listener.
type Rest struct{ until time.Time }

// restTime bounds the work after the deadline: clients may go on to connect. restStep is how long
// Accept is given for each try.
const (
	restTime = time.Second
	restStep = 10 * time.Millisecond
)

// Waits reports whether to call Accept again after it failed with err: the deadline has passed, and
// a connection waits in the queue all the same. The listener then has a new deadline. It is false
// one second after the first call that was true.
func (r *Rest) Waits(l net.Listener, err error) bool {
	timed, ok := l.(interface{ SetDeadline(time.Time) error })
	if !ok || !errors.Is(err, os.ErrDeadlineExceeded) || !hasWaiting(l) {
		return false
	}
	now := time.Now()
	if r.until.IsZero() {
		r.until = now.Add(restTime)
	}
	return now.Before(r.until) && timed.SetDeadline(now.Add(restStep)) == nil
}
