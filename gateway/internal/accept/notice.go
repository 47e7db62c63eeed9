package accept

import (
	"sync"
	"sync/atomic"
	"time"
)

// Notice is some trouble that is logged when it begins, and not a thousand times a second. The zero
// value is ready, and IsNews may be called at the same time.
type Notice struct{ last atomic.Int64 } // in nanoseconds since 1970

// IsNews reports whether the trouble of this moment is the first for a minute.
func (n *Notice) IsNews() bool {
	now := time.Now().UnixNano()
	return now-n.last.Swap(now) > int64(time.Minute)
}

// Notices is a Notice for each kind of trouble, by the text of its log line. The zero value is
// ready, and IsNews may be called at the same time.
type Notices struct {
	mu   sync.Mutex
	seen map[string]*Notice
}

// IsNews reports whether the trouble is the first of its kind for a minute. The number of kinds
// must be bounded: msg is a constant of the program, never a peer's text.
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
