package listen

import (
	"sync/atomic"
	"time"
)

// Requests counts the requests that a server answers at one time, against its MaxRequests. The zero value is ready, and all
// methods may be called at the same time.
type Requests struct {
	now     atomic.Int64
	refused Notice
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

// Notice is some trouble that is logged when it begins, and not a thousand times a second. The zero value is ready, and IsNews
// may be called at the same time.
type Notice struct{ last atomic.Int64 } // in nanoseconds since 1970

// IsNews reports whether the trouble of this moment is the first for a minute.
func (n *Notice) IsNews() bool {
	now := time.Now().UnixNano()
	return now-n.last.Swap(now) > int64(time.Minute)
}
