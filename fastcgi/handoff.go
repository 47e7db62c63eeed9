package fastcgi

import (
	"sync"
	"time"
)

// A request that is alone on its connection runs on the goroutine that has read it. While it does,
// no goroutine reads the connection; the reading is handed off to another one when the App waits
// for its body, asks for the end of its context, or takes longer than handoffPeriod, so that an
// abort, a disconnect and a second request are acted on beside it, within 10 ms. A process with one
// processor needs longer for that while an App computes, as Go's scheduler lets it have the
// processor for 10 ms at a time: 20 ms in the test.
//
// Measured against a goroutine for each request and against a second goroutine of the connection
// for its requests (the benchmark hello, 16 connections, 3 times 7 to 15 interleaved rounds, 2
// processors): 11 to 22 % and 5 to 15 % less CPU time for a small request (10.4 us in place of 12.3
// and 11.5). With one connection about a third less. Behind nginx no clear gain was seen.

// handoffPeriod is how often a server looks at the requests that run so. One that it sees twice has
// taken longer than that, and less than twice as long.
const handoffPeriod = time.Millisecond

// handoff says which goroutine reads a connection.
type handoff struct {
	read func() // goes on reading in another goroutine

	mu      sync.Mutex
	reading bool     // a goroutine reads, or is about to
	inline  *request // runs on the goroutine that has read it; nil for none
	seen    *request // was inline when the server looked last
	watched bool     // the server looks
}

// begin says that the goroutine that reads is to run r. It reports whether the server must be told
// to look.
func (h *handoff) begin(r *request) (watch bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inline, h.reading = r, false
	watch = !h.watched
	h.watched = true
	return watch
}

// finish says that what ran has returned. It reports whether its goroutine goes on reading: no
// other does.
func (h *handoff) finish() (reads bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inline, h.seen = nil, nil
	reads = !h.reading
	h.reading = true
	return reads
}

// handOff has another goroutine read, if r keeps the one that has read it.
func (h *handoff) handOff(r *request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inline == r {
		h.start()
	}
}

// start has another goroutine read, unless one does. The caller holds mu.
func (h *handoff) start() {
	if !h.reading {
		h.reading = true
		h.read()
	}
}

// look hands the reading off where the same request runs as at the last look. It reports whether to
// look again.
func (h *handoff) look() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inline != nil && h.inline == h.seen {
		h.start()
	}
	h.seen = h.inline
	h.watched = h.inline != nil && !h.reading
	return h.watched
}

// handoffWatch looks at the connections of a server on which requests run so. One look at all of
// them in each period costs less than a timer for every request. The zero value is ready.
type handoffWatch struct {
	mu      sync.Mutex
	watched []*handoff
	running bool
}

// add has h looked at for as long as h.look wants it.
func (w *handoffWatch) add(h *handoff) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = append(w.watched, h)
	if !w.running {
		w.running = true
		go w.run()
	}
}

func (w *handoffWatch) run() {
	for w.lookAtAll() {
		time.Sleep(handoffPeriod)
	}
}

// lookAtAll reports whether any is left to look at.
func (w *handoffWatch) lookAtAll() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.watched[:0]
	for _, h := range w.watched {
		if h.look() {
			kept = append(kept, h)
		}
	}
	clear(w.watched[len(kept):])
	w.watched, w.running = kept, len(kept) > 0
	return w.running
}
