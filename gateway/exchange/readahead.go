package exchange

import (
	"io"
	"sync"
	"time"
)

// ReadAhead is the body of an answer that is read ahead of a slow client, so that the client does
// not occupy the backend. It is an io.ReadCloser for one goroutine, as the body of a
// gateway.Response is.
//
// As long as the client keeps up, each Read is one of Body, and nothing is kept. When the caller
// has not come back for more within 10 ms, a goroutine reads on into a [Spool], and Read gives what
// waits there, and then each piece as it comes. Where there is no room, Body is read no further
// until the caller has taken some. The goroutine closes Body at its end. Close closes it in the
// middle of a Read, if need be.
//
// The fields must not change once a method was called.
type ReadAhead struct {
	// Body is what is read. It must be set.
	Body io.ReadCloser

	// Share is where the bytes are reserved. Nil is without a bound.
	Share *Share

	// Failed, if not nil, is told of a temporary file that cannot be made, written or read, once.
	// It is called by any goroutine. An answer that cannot be written to a file is read ahead no
	// further than fits in memory.
	Failed func(*SpoolError)

	mu      sync.Mutex
	change  sync.Cond // waits on mu: bytes, room, the end
	timer   *time.Timer
	state   aheadState
	spool   Spool
	pending []byte // what the goroutine has read and found no room for
	err     error  // of Body, after all that waits
	told    bool   // Failed was called
	closed  bool
	ended   chan struct{} // closed when the goroutine has ended
	closing sync.Once
}

// aheadState says who reads Body.
type aheadState int

const (
	aheadIdle    aheadState = iota // the caller has what there was, and may come back
	aheadReading                   // the caller is reading Body
	aheadPumping                   // the goroutine reads Body, to its end
)

// aheadPatience is how long the caller may take for a piece before it counts as slow. The kernel
// takes what a fast client is sent in microseconds.
const aheadPatience = 10 * time.Millisecond

// Read implements io.Reader.
func (a *ReadAhead) Read(p []byte) (int, error) {
	if !a.claim() {
		return a.take(p)
	}
	n, err := a.Body.Read(p)
	a.yield(err)
	return n, err
}

// Buffered returns how much of the body came with the head: see gateway.Response.
func (a *ReadAhead) Buffered() int {
	if b, ok := a.Body.(interface{ Buffered() int }); ok {
		return b.Buffered()
	}
	return 0
}

// claim reports whether the caller is to read Body itself.
func (a *ReadAhead) claim() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
	if a.state == aheadPumping {
		return false
	}
	a.state = aheadReading
	return true
}

// yield is called when the caller has read Body, with the error of that.
func (a *ReadAhead) yield(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = aheadIdle
	switch {
	case err != nil || a.closed:
		a.err = err
	case a.timer == nil:
		a.timer = time.AfterFunc(aheadPatience, a.overtake)
	default:
		a.timer.Reset(aheadPatience)
	}
}

// overtake reads Body from now on, if the caller has not come back.
func (a *ReadAhead) overtake() {
	a.mu.Lock()
	if a.state != aheadIdle || a.closed {
		a.mu.Unlock()
		return
	}
	a.state, a.ended = aheadPumping, make(chan struct{})
	a.change.L = &a.mu
	a.spool.Share = a.Share
	a.mu.Unlock()
	defer close(a.ended)
	a.pump()
}

// pump reads Body to its end.
func (a *ReadAhead) pump() {
	block := blocks.Get().(*[32 << 10]byte)
	defer blocks.Put(block)
	for {
		n, err := readSome(a.Body, block[:])
		if !a.put(block[:n], err) {
			a.closeBody()
			return
		}
	}
}

// put keeps p, and err, which Body returned after it. It waits for room, and reports whether there
// is more to read.
func (a *ReadAhead) put(p []byte, err error) (more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.pending = p; len(a.pending) > 0 && !a.closed; {
		a.keep()
		a.change.Broadcast()
		if len(a.pending) > 0 {
			a.change.Wait()
		}
	}
	a.pending = nil
	if err == nil && !a.closed {
		return true
	}
	a.err = err
	a.change.Broadcast()
	return false
}

// keep has the spool take of pending what it has room for.
func (a *ReadAhead) keep() {
	n, err := a.spool.Write(a.pending)
	a.pending = a.pending[n:]
	a.failed(err)
}

func (a *ReadAhead) failed(err error) {
	if broken, ok := err.(*SpoolError); ok && a.Failed != nil && !a.told {
		a.told = true
		a.Failed(broken)
	}
}

// take gives what the goroutine has read, and waits for it.
func (a *ReadAhead) take(p []byte) (n int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(p) > 0 {
		switch n, err = a.spool.Read(p); {
		case n > 0:
			a.change.Broadcast()
			return n, nil
		case err != io.EOF:
			a.failed(err)
			return 0, err
		case len(a.pending) > 0:
			n = copy(p, a.pending)
			a.pending = a.pending[n:]
			a.change.Broadcast()
			return n, nil
		case a.err != nil:
			return 0, a.err
		}
		a.change.Wait()
	}
	return 0, nil
}

// Close closes Body, waits for the goroutine to end, and drops what waits.
func (a *ReadAhead) Close() error {
	a.mu.Lock()
	a.closed = true
	if a.timer != nil {
		a.timer.Stop()
	}
	ended := a.ended
	a.change.Broadcast()
	a.mu.Unlock()
	err := a.closeBody()
	if ended != nil {
		<-ended
	}
	a.spool.Close()
	return err
}

// closeBody closes Body once.
func (a *ReadAhead) closeBody() (err error) {
	a.closing.Do(func() { err = a.Body.Close() })
	return err
}
