package accept

import (
	"sync/atomic"
	"time"
)

// Notice is some trouble that is logged when it begins, and not a thousand times a second. The zero value is ready, and IsNews
// may be called at the same time.
type Notice struct{ last atomic.Int64 } // in nanoseconds since 1970

// IsNews reports whether the trouble of this moment is the first for a minute.
func (n *Notice) IsNews() bool {
	now := time.Now().UnixNano()
	return now-n.last.Swap(now) > int64(time.Minute)
}
