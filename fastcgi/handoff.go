package fastcgi

import (
	"sync"
	"time"
)

// The only request of a connection runs inline: on the goroutine that has read it. Meanwhile no
// goroutine reads the connection, except the App when it waits for its body. The reading is handed
// off to another goroutine when the App asks for the end of its context, or takes longer than
// handoffPeriod. So an abort, a disconnect and a second request are handled within 10 ms while the
// App runs. With one processor and an App that computes, this takes longer, because Go's scheduler
// gives a goroutine the processor for 10 ms at a time: 20 ms in the test.
//
// This was measured against one goroutine for each request, and against a second goroutine of each
// connection for its requests (benchmark hello, 16 connections, 3 times 7 to 15 interleaved rounds,
// 2 processors). A small request takes 11 to 22 % less CPU time than with the first and 5 to 15 %
// less than with the second (10.4 us, against 12.3 and 11.5). With one connection it takes about a
// third less. Behind nginx no clear gain was seen.

// handoffPeriod is how often a server checks the inline requests. A request that it sees at two
// checks has taken between one and two periods.
const handoffPeriod = time.Millisecond

// handoff decides which goroutine reads a connection.
type handoff struct {
	read func() // continues to read in another goroutine

	mu      sync.Mutex
	reading bool     // a goroutine reads, or is about to
	inline  *request // the inline request; nil for none
	seen    *request // the inline request at the last check
	watched bool     // the server checks this handoff
	wanted  bool     // the inline request needs another goroutine to read
}

// begin notes that the reading goroutine is about to run r inline. It reports whether the caller
// must add h to the server's watch.
func (h *handoff) begin(r *request) (watch bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inline, h.reading, h.wanted = r, false, false
	watch = !h.watched
	h.watched = true
	return watch
}

// finish notes that the inline request has returned. It reports whether its goroutine continues to
// read, because no other goroutine reads.
func (h *handoff) finish() (reads bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inline, h.seen = nil, nil
	reads = !h.reading
	h.reading = true
	return reads
}

// handOff makes another goroutine read, if r runs inline.
func (h *handoff) handOff(r *request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inline == r {
		h.wanted = true
		h.start()
	}
}

// claim reports whether the App of r reads the connection from now on, until release: r runs
// inline, and no other goroutine reads.
func (h *handoff) claim(r *request) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inline != r || h.reading {
		return false
	}
	h.reading = true
	return true
}

// release ends claim. If r has returned, as it may while another goroutine of its App reads, or
// needs another goroutine to read, release starts one. Otherwise no goroutine reads until r has
// returned or the server sees that it takes long. release reports whether the caller must add h to
// the server's watch.
func (h *handoff) release(r *request) (watch bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inline != r || h.wanted {
		h.read()
		return false
	}
	h.reading, h.seen = false, nil
	watch = !h.watched
	h.watched = true
	return watch
}

// start makes another goroutine read, unless one reads already. The caller holds mu.
func (h *handoff) start() {
	if !h.reading {
		h.reading = true
		h.read()
	}
}

// tick hands the reading off if the same request runs inline as at the last check. It reports
// whether h needs another check.
func (h *handoff) tick() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inline != nil && h.inline == h.seen {
		h.start()
	}
	h.seen = h.inline
	h.watched = h.inline != nil && !h.reading
	return h.watched
}

// handoffWatch checks the connections of a server that run requests inline. One check of all of
// them in each period costs less than a timer for each request. The zero value is ready to use.
type handoffWatch struct {
	mu      sync.Mutex
	watched []*handoff
	running bool
}

// add adds h to the watch, until h.tick reports false.
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
	for w.tickAll() {
		time.Sleep(handoffPeriod)
	}
}

// tickAll checks all connections, and reports whether any is left to check.
func (w *handoffWatch) tickAll() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.watched[:0]
	for _, h := range w.watched {
		if h.tick() {
			kept = append(kept, h)
		}
	}
	clear(w.watched[len(kept):])
	w.watched, w.running = kept, len(kept) > 0
	return w.running
}
