package gateway

import (
	"io"
	"sync"
	"time"
)

// A web server that has the whole request, nginx with its stock files, stops sending the body as
// soon as it sees the head of the response (measured with nginx 1.22 over FastCGI, SCGI and HTTP).
// A script that prints its head before it reads the body would then wait for ever. So Forward holds
// the head back while the backend is taking the body.
const (
	// holdMost is how much of the response is held with the head, in bytes. A script that waits
	// until that is taken does not read.
	holdMost = 64 << 10

	// holdTick is how often Forward looks whether the client has sent something. It counts ticks
	// and not time: a machine that is too busy to run the web server is late with ticks as well.
	holdTick = 50 * time.Millisecond

	// holdSilence is the number of ticks for which the client may send nothing: at least 200 ms. A
	// client that waits for the answer before it sends the rest gets it then.
	holdSilence = 5

	// holdUnread is the number of ticks, at least 5 s, for which a backend that has begun to read
	// the body may stop reading. After that it is taken to answer without the rest.
	holdUnread = 101
)

// TrackBody returns r with a Stdin that tells [Forward] how far it was read. Forward calls it
// itself. Only a program that calls Backend.RoundTrip itself, and then has Forward send the
// Response, needs it: it must call TrackBody first, and use the request that it returns for both.
func TrackBody(r *Request) *Request {
	if _, tracked := r.Stdin.(*trackedBody); tracked || r.Stdin == nil || r.Stdin == NoBody {
		return r
	}
	left := r.ContentLength
	if left <= 0 {
		left = unknownLength
	}
	c := *r
	c.Stdin = &trackedBody{r: r.Stdin, left: left, whole: make(chan struct{})}
	return &c
}

// trackedBody is a request body that knows whether it was read, and for how long it has given
// nothing.
type trackedBody struct {
	r     io.Reader
	whole chan struct{} // closed when nothing more is to come

	mu      sync.Mutex
	left    int64 // bytes to come; negative where the end tells
	begun   bool
	reading bool // a Read is under way
	silent  int  // ticks since a Read began or ended
}

// Read implements io.Reader.
func (b *trackedBody) Read(p []byte) (int, error) {
	b.begin()
	n, err := b.r.Read(p)
	b.finish(n, err)
	return n, err
}

// Failure and Interrupted tell Blame about the body.
func (b *trackedBody) Failure() error { return stdinFailure(b.r) }

// Interrupted is the same.
func (b *trackedBody) Interrupted(drain bool) error { return stdinInterrupted(b.r, drain) }

func (b *trackedBody) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun, b.reading, b.silent = true, true, 0
}

func (b *trackedBody) finish(n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading, b.silent = false, 0
	if b.left > 0 {
		b.left = max(b.left-int64(n), 0)
	}
	if (err != nil || b.left == 0) && !b.isWhole() {
		close(b.whole)
	}
}

func (b *trackedBody) isWhole() bool {
	select {
	case <-b.whole:
		return true
	default:
		return false
	}
}

// hold begins to count ticks.
func (b *trackedBody) hold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent = 0
}

// tick counts one more, and reports whether there is nothing to wait for any more.
func (b *trackedBody) tick() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent++
	if b.begun && !b.reading {
		return b.silent >= holdUnread
	}
	return b.silent >= holdSilence
}

// holdHead returns the body of the response, once the head may be sent to the client.
func holdHead(body io.Reader, stdin io.Reader) io.Reader {
	request, ok := stdin.(*trackedBody)
	if !ok || request.isWhole() {
		return body
	}
	h := &heldBody{body: body, room: make([]byte, holdMost)}
	request.hold()
	ticker := time.NewTicker(holdTick)
	defer ticker.Stop()
	for h.begin(); ; {
		select {
		case got := <-h.under:
			if h.take(got); h.err != nil || len(h.room) == 0 {
				return h
			}
			h.begin()
		case <-request.whole:
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
	waiting []byte   // was read while the head was held
	room    []byte   // for what is read next
	under   chan got // gives what the Read under way gets; nil while there is no such Read
	err     error    // after waiting
}

// got is what a Read returned.
type got struct {
	n   int
	err error
}

// begin has a goroutine read into room.
func (h *heldBody) begin() {
	under := make(chan got, 1)
	h.under = under
	room := h.room
	go func() {
		n, err := readSome(h.body, room)
		under <- got{n, err}
	}()
}

// take adds what a Read returned to waiting.
func (h *heldBody) take(g got) {
	h.waiting = append(h.waiting, h.room[:g.n]...)
	h.room, h.err, h.under = h.room[g.n:], g.err, nil
}

// Buffered tells forwardBody whether a part of the body is to go with the head.
func (h *heldBody) Buffered() int { return len(h.waiting) }

// Read implements io.Reader.
func (h *heldBody) Read(p []byte) (int, error) {
	if len(h.waiting) == 0 && h.under != nil {
		h.take(<-h.under)
	}
	switch {
	case len(h.waiting) > 0:
		n := copy(p, h.waiting)
		if h.waiting = h.waiting[n:]; len(h.waiting) > 0 || h.err == io.EOF {
			return n, nil
		}
		// a failure comes with the last bytes, so that they are not flushed before it is seen
		return n, h.err
	case h.err != nil:
		return 0, h.err
	}
	return h.body.Read(p)
}
