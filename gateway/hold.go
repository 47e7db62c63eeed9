package gateway

import (
	"io"
	"sync"
	"time"
)

// nginx with its stock configuration stops sending the body of a request when it receives the head
// of the response (measured with nginx 1.22 over FastCGI, SCGI and HTTP). A script that prints its
// head before it reads the body would then wait for ever. So Forward holds the head while the
// backend reads the body.
const (
	// maxHeld is how much of the response is held with the head, in bytes. A script that has
	// written more waits until its output is read, so it is not reading the body.
	maxHeld = 64 << 10

	// holdTick is how often Forward checks whether the client has sent bytes. Forward counts ticks
	// rather than time, because a machine that is too busy to run the web server delays the ticks
	// too.
	holdTick = 50 * time.Millisecond

	// holdSilence is the number of ticks, at least 1 s, for which the client may send nothing.
	// After that the head is sent, for a client that waits for it before it sends the rest.
	holdSilence = 21

	// holdUnread is the number of ticks, at least 5 s, for which a backend that has begun to read
	// the body may pause. After that Forward assumes that the backend does not need the rest.
	holdUnread = 101
)

// TrackBody returns a copy of r whose Stdin records for [Forward] how far it was read. Forward
// calls it. Another program needs it only if it calls Backend.RoundTrip itself and then has Forward
// send the Response. It must then call TrackBody first, and use the returned request for both.
func TrackBody(r *Request) *Request {
	if _, tracked := r.Stdin.(*trackedBody); tracked || r.Stdin == nil || r.Stdin == NoBody {
		return r
	}
	left := r.ContentLength
	if left <= 0 {
		left = unknownLength
	}
	c := *r
	c.Stdin = &trackedBody{r: r.Stdin, left: left, complete: make(chan struct{})}
	return &c
}

// trackedBody is a request body that records whether it was read completely, and for how long no
// Read has begun or returned.
type trackedBody struct {
	r        io.Reader
	complete chan struct{} // closed when the body was read to its end or has failed

	mu        sync.Mutex
	left      int64 // bytes not read yet; negative if the length is unknown
	wasRead   bool
	reading   bool // a Read is under way
	idleTicks int  // ticks since a Read began or returned
}

// Read implements io.Reader.
func (b *trackedBody) Read(p []byte) (int, error) {
	b.beginRead()
	n, err := b.r.Read(p)
	b.finishRead(n, err)
	return n, err
}

// Failure returns the failure of the tracked Stdin. Blame calls it.
func (b *trackedBody) Failure() error { return stdinFailure(b.r) }

// Interrupted calls that of the tracked Stdin. Blame calls it.
func (b *trackedBody) Interrupted(drain bool) error { return stdinInterrupted(b.r, drain) }

func (b *trackedBody) beginRead() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wasRead, b.reading, b.idleTicks = true, true, 0
}

func (b *trackedBody) finishRead(n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading, b.idleTicks = false, 0
	if b.left > 0 {
		b.left = max(b.left-int64(n), 0)
	}
	if (err != nil || b.left == 0) && !b.isComplete() {
		close(b.complete)
	}
}

func (b *trackedBody) isComplete() bool {
	select {
	case <-b.complete:
		return true
	default:
		return false
	}
}

// resetTicks restarts the count of ticks.
func (b *trackedBody) resetTicks() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idleTicks = 0
}

// tick counts one tick, and reports whether the head need not be held any longer.
func (b *trackedBody) tick() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idleTicks++
	if b.wasRead && !b.reading {
		return b.idleTicks >= holdUnread
	}
	return b.idleTicks >= holdSilence
}

// holdHead waits until the head may be sent to the client, and returns the body of the response.
func holdHead(body io.Reader, stdin io.Reader) io.Reader {
	request, ok := stdin.(*trackedBody)
	if !ok || request.isComplete() {
		return body
	}
	h := &heldBody{body: body, room: make([]byte, maxHeld)}
	request.resetTicks()
	ticker := time.NewTicker(holdTick)
	defer ticker.Stop()
	for h.beginRead(); ; {
		select {
		case got := <-h.result:
			if h.addResult(got); h.err != nil || len(h.room) == 0 {
				return h
			}
			h.beginRead()
		case <-request.complete:
			return h
		case <-ticker.C:
			if request.tick() {
				return h
			}
		}
	}
}

// heldBody is the body of a response whose head was held.
type heldBody struct {
	body    io.Reader
	pending []byte          // bytes read while the head was held
	room    []byte          // space for the next Read
	result  chan readResult // delivers the result of a pending Read; nil if none is pending
	err     error           // returned after pending
}

// readResult is the result of a Read.
type readResult struct {
	n   int
	err error
}

// beginRead starts a goroutine that reads into room.
func (h *heldBody) beginRead() {
	under := make(chan readResult, 1)
	h.result = under
	room := h.room
	go func() {
		n, err := readSome(h.body, room)
		under <- readResult{n, err}
	}()
}

// addResult appends the result of a Read to pending.
func (h *heldBody) addResult(g readResult) {
	h.pending = append(h.pending, h.room[:g.n]...)
	h.room, h.err, h.result = h.room[g.n:], g.err, nil
}

// Buffered returns how many bytes the next Reads return at least without waiting.
func (h *heldBody) Buffered() int {
	if len(h.pending) > 0 || h.result != nil || h.err != nil {
		return len(h.pending)
	}
	return buffered(h.body)
}

// Read implements io.Reader.
func (h *heldBody) Read(p []byte) (int, error) {
	if len(h.pending) == 0 && h.result != nil {
		h.addResult(<-h.result)
	}
	switch {
	case len(h.pending) > 0:
		n := copy(p, h.pending)
		if h.pending = h.pending[n:]; len(h.pending) > 0 || h.err == io.EOF {
			return n, nil
		}
		// a failure is returned with the last bytes, so that these are not flushed before it is
		// known
		return n, h.err
	case h.err != nil:
		return 0, h.err
	}
	return h.body.Read(p)
}
