package exchange

import (
	"io"
	"sync"
	"time"
)

// ReadAhead is the body of a response that is read ahead of a slow client, so that the client does
// not occupy the backend. It is an io.ReadCloser for one goroutine, like the Body of a
// gateway.Response.
//
// While the client is fast, each Read calls that of Body, and nothing is buffered. If the caller
// does not call Read again within 10 ms, a goroutine reads the rest of Body into a [Spool], from
// which Read then returns it. If the Spool has no room, the goroutine waits until the caller has
// read some bytes. The goroutine closes Body at its end. Close closes Body even during a Read.
//
// The fields must not change after the first call of a method.
type ReadAhead struct {
	// Body is the source. It must be set.
	Body io.ReadCloser

	// Share is where the bytes are reserved. Nil means no limit.
	Share *Share

	// Failed, if not nil, is called once if a temporary file cannot be created, written or read.
	// Any goroutine may call it. A response that cannot be written to a file is read ahead only as
	// far as it fits in memory.
	Failed func(*SpoolError)

	mu       sync.Mutex
	change   sync.Cond // signals new bytes, new room and the end; its lock is mu
	timer    *time.Timer
	state    aheadState
	spool    Spool
	pending  []byte // read by the goroutine, but not in the spool yet
	err      error  // of Body, returned after the buffered bytes
	reported bool   // Failed was called
	closed   bool
	pumpDone chan struct{} // closed when the goroutine has ended
	closing  sync.Once
}

// aheadState tells which goroutine reads Body.
type aheadState int

const (
	aheadIdle    aheadState = iota // none; the caller may call Read again
	aheadReading                   // the caller is reading Body
	aheadPumping                   // the goroutine reads Body, to its end
)

// aheadDelay is how long the caller may process a piece before its client counts as slow. For a
// fast client, the kernel accepts the bytes within microseconds.
const aheadDelay = 10 * time.Millisecond

// Read implements io.Reader.
func (a *ReadAhead) Read(p []byte) (int, error) {
	if !a.beginRead() {
		return a.readStored(p)
	}
	n, err := a.Body.Read(p)
	a.finishRead(err)
	return n, err
}

// Buffered returns how many bytes of the body the next Reads return at least without waiting. It is
// 0 when the goroutine reads Body. gateway.Forward calls it.
func (a *ReadAhead) Buffered() int {
	a.mu.Lock() // so that the goroutine does not begin meanwhile
	defer a.mu.Unlock()
	if b, ok := a.Body.(interface{ Buffered() int }); ok && a.state == aheadIdle {
		return b.Buffered()
	}
	return 0
}

// beginRead reports whether the caller must read Body itself.
func (a *ReadAhead) beginRead() bool {
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

// finishRead records that the caller has read Body, with the error err, and starts the timer.
func (a *ReadAhead) finishRead(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = aheadIdle
	switch {
	case err != nil || a.closed:
		a.err = err
	case a.timer == nil:
		a.timer = time.AfterFunc(aheadDelay, a.startPump)
	default:
		a.timer.Reset(aheadDelay)
	}
}

// startPump starts to read Body, unless the caller has called Read again. The timer calls it in the
// goroutine that reads.
func (a *ReadAhead) startPump() {
	a.mu.Lock()
	if a.state != aheadIdle || a.closed {
		a.mu.Unlock()
		return
	}
	a.state, a.pumpDone = aheadPumping, make(chan struct{})
	a.change.L = &a.mu
	a.spool.Share = a.Share
	a.mu.Unlock()
	defer close(a.pumpDone)
	a.pump()
}

// pump reads Body to its end.
func (a *ReadAhead) pump() {
	block := blockPool.Get().(*[32 << 10]byte)
	defer blockPool.Put(block)
	for {
		n, err := readSome(a.Body, block[:])
		if !a.store(block[:n], err) {
			a.closeBody()
			return
		}
	}
}

// store appends p to the spool, and waits for room. err is the error with which Body returned p.
// store reports whether Body must be read again.
func (a *ReadAhead) store(p []byte, err error) (more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.pending = p; len(a.pending) > 0 && !a.closed; {
		a.spoolPending()
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

// spoolPending writes pending bytes to the spool, as many as it has room for.
func (a *ReadAhead) spoolPending() {
	n, err := a.spool.Write(a.pending)
	a.pending = a.pending[n:]
	a.reportFailure(err)
}

func (a *ReadAhead) reportFailure(err error) {
	if broken, ok := err.(*SpoolError); ok && a.Failed != nil && !a.reported {
		a.reported = true
		a.Failed(broken)
	}
}

// readStored returns bytes that the goroutine has read. It waits for them.
func (a *ReadAhead) readStored(p []byte) (n int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(p) > 0 {
		switch n, err = a.spool.Read(p); {
		case n > 0:
			a.change.Broadcast()
			return n, nil
		case err != io.EOF:
			a.reportFailure(err)
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

// Close closes Body, waits until the goroutine has ended, and drops the buffered bytes.
func (a *ReadAhead) Close() error {
	a.mu.Lock()
	a.closed = true
	if a.timer != nil {
		a.timer.Stop()
	}
	ended := a.pumpDone
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
