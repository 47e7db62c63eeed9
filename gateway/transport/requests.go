package transport

import (
	"sync/atomic"

	"github.com/cgikit/cgikit/gateway/internal/accept"
)

// Requests counts the requests that a server answers at one time, against its MaxRequests. The zero value is ready, and all
// methods may be called at the same time.
type Requests struct {
	now     atomic.Int64
	refused accept.Notice
}

// Enter counts one more, unless there are most already and most is positive; Leave must follow when it was counted. news says
// whether a refusal is worth a line in the log.
func (r *Requests) Enter(most int) (entered, news bool) {
	if n := r.now.Add(1); most <= 0 || n <= int64(most) {
		return true, false
	}
	r.Leave()
	return false, r.refused.IsNews()
}

// Leave counts one less.
func (r *Requests) Leave() { r.now.Add(-1) }

// Now returns how many are counted.
func (r *Requests) Now() int { return int(r.now.Load()) }

// Notice is some trouble that is logged when it begins, and not a thousand times a second.
type Notice = accept.Notice
