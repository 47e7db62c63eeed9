package accept

import (
	"sync"
	"sync/atomic"
	"time"
)

// Notice decides whether a repeated failure is logged: only when it begins, and not a thousand
// times a second. The zero value is ready. IsNews is safe for concurrent use.
type Notice struct{ last atomic.Int64 } // in nanoseconds since 1970

// IsNews records a failure, and reports whether it is the first within a minute.
func (n *Notice) IsNews() bool {
	now := time.Now().UnixNano()
	return now-n.last.Swap(now) > int64(time.Minute)
}

// Notices has a Notice for each kind of failure, by the text of its log line. The zero value is
// ready. IsNews is safe for concurrent use.
type Notices struct {
	mu   sync.Mutex
	seen map[string]*Notice
}

// IsNews records a failure, and reports whether it is the first of its kind within a minute. The
// number of kinds must be limited, so msg must be a constant of the program, never a peer's text.
func (n *Notices) IsNews(msg string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	notice := n.seen[msg]
	if notice == nil {
		if n.seen == nil {
			n.seen = make(map[string]*Notice)
		}
		notice = new(Notice)
		n.seen[msg] = notice
	}
	return notice.IsNews()
}
