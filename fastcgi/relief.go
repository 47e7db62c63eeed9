package fastcgi

import (
	"sync"
	"time"
)

// A request runs on the goroutine that read it: handing it to another would cost more than a small one takes. While it does, nobody
// reads the connection, so that goroutine is relieved of the reading when the request waits for its body or asks for the end of its
// context, or, which is what relief is for, when it lasts.

// reliefPeriod is how often relief looks. A request that it sees twice has lasted longer, and less than twice as long.
const reliefPeriod = time.Millisecond

// relief watches the connections of a server whose requests run on their readers. One look at all of them every millisecond, as long
// as there are any, costs less than a timer for every request. The zero value is ready.
type relief struct {
	mu      sync.Mutex
	conns   []*conn
	running bool
}

// add has c watched until it is seen without such a request.
func (w *relief) add(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, c)
	if !w.running {
		w.running = true
		go w.run()
	}
}

func (w *relief) run() {
	for w.look() {
		time.Sleep(reliefPeriod)
	}
}

// look looks at every connection once, and reports whether any is left to look at.
func (w *relief) look() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.conns[:0]
	for _, c := range w.conns {
		if c.relieveIfSeen() {
			kept = append(kept, c)
		}
	}
	clear(w.conns[len(kept):])
	w.conns, w.running = kept, len(kept) > 0
	return w.running
}
