package fastcgi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

const (
	// bodyMemory is how much of a body that its App has not asked for yet is held in memory: enough for the forms of
	// browsers.
	bodyMemory = 256 << 10

	// bodyRoom is what has to be free of it for the reader to go on: to be woken for every byte would cost more than waiting.
	bodyRoom = bodyMemory / 2
)

// errBodyLate is what the App reads where the next piece of its body has not come in time.
var errBodyLate = fmt.Errorf("fastcgi: nothing more of the request body within ReadTimeout: %w: %w", io.ErrUnexpectedEOF, os.ErrDeadlineExceeded)

// body is a stream on its way from the connection's reader to the App: STDIN, or DATA for a filter. Its methods may be called at the
// same time.
type body struct {
	request *request

	mu     sync.Mutex
	change sync.Cond    // waits on mu: bytes, their end, or their reader's end
	memory bytes.Buffer // not read yet
	file   spill        // what comes behind memory
	err    error        // behind all that; nil while there is more to come
	full   bool         // the reader has been told to stop
	closed bool         // the App has returned
}

func (b *body) init(r *request) {
	b.request = r
	b.change.L = &b.mu
}

// handleBody takes a piece of the body, or of the file of a filter.
func (r *request) handleBody(b *body, p piece) error {
	c := r.conn
	switch {
	case !r.paramsEnded:
		return wire.Errorf("%s of request %d before the end of its PARAMS", streamName(p.Type), r.id)
	case p.ContentLength == 0:
		b.closeWrite(io.EOF)
		return nil
	}
	c.mu.Lock()
	spill := c.table.shared || r.data != nil // a filter may read either stream first
	c.mu.Unlock()
	if b.write(p.content, spill) || len(c.ready) > 0 {
		return nil
	}
	return c.waitForRoom(r, b)
}

func streamName(t wire.RecordType) string {
	if t == wire.TypeData {
		return "DATA"
	}
	return "STDIN"
}

// write takes a piece. What is too much for the memory goes to a file if it may spill; else write reports false, and the reader
// should stop until there is room. What will not be read is dropped.
func (b *body) write(p []byte, maySpill bool) (roomy bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.err != nil {
		return true
	}
	full := b.memory.Len()+len(p) > bodyMemory
	if b.file.size() > 0 || full && maySpill {
		b.err = b.file.write(p, b.request.conn.limits.spillBytes)
	} else {
		b.memory.Write(p)
		b.full = full
	}
	b.change.Broadcast()
	return !b.full
}

// closeWrite says what comes after the bytes: io.EOF for a whole body. Only the first call counts.
func (b *body) closeWrite(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	b.change.Broadcast()
}

// waitForRoom waits until r has read some of its body: alone on its connection, a request simply stops being read. What can be seen
// meanwhile is that the web server goes away; what it has sent is there to be read all the same.
func (c *conn) waitForRoom(r *request, b *body) error {
	for !b.roomy() {
		c.mu.Lock()
		c.wait.stalled = r
		c.wait.set(time.Time{})
		c.mu.Unlock()
		gone, err := c.reader.socket.WaitGone(b.roomy)
		c.mu.Lock()
		c.wait.stalled = nil
		c.mu.Unlock()
		if gone {
			r.ctx.End(gateway.ErrClientGone)
		}
		switch {
		case gone || errors.Is(err, errors.ErrUnsupported):
			b.waitForRoom()
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded): // the deadline is endWaitForRoom's
			return err
		}
	}
	return nil
}

// endWaitForRoom wakes a reader that waits for r.
func (c *conn) endWaitForRoom(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wait.stalled == r {
		c.wait.set(longAgo)
	}
}

// roomy reports whether the reader may go on.
func (b *body) roomy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hasRoom()
}

func (b *body) hasRoom() bool {
	if b.closed || b.err != nil || b.memory.Len() <= bodyMemory-bodyRoom {
		b.full = false
	}
	return !b.full
}

// waitForRoom is for a reader that cannot watch the connection meanwhile.
func (b *body) waitForRoom() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.hasRoom() {
		b.change.Wait()
	}
}

// Read implements io.Reader for the App.
func (b *body) Read(p []byte) (int, error) {
	n, err, wait := b.take(p)
	if wait {
		b.request.conn.handoff.handOff(b.request)
		n, err = b.waitAndTake(p)
	}
	b.wakeReader()
	return n, err
}

// waitAndTake waits until there is something.
func (b *body) waitAndTake(p []byte) (int, error) {
	if bound := b.request.conn.limits.readTimeout; bound > 0 {
		late := time.AfterFunc(bound, func() { b.closeWrite(errBodyLate) })
		defer late.Stop()
	}
	b.mu.Lock()
	for b.empty() {
		b.change.Wait()
	}
	b.mu.Unlock()
	n, err, _ := b.take(p)
	return n, err
}

// empty says that a Read has to wait. The caller holds mu.
func (b *body) empty() bool {
	return b.memory.Len() == 0 && b.file.size() == 0 && b.err == nil && !b.closed
}

// take reads what is there; wait says that there is nothing yet.
func (b *body) take(p []byte) (n int, err error, wait bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return 0, gateway.ErrFinished, false
	case b.empty():
		return 0, nil, true
	case b.memory.Len() > 0:
		n, err = b.memory.Read(p)
	case b.file.size() > 0:
		n, err = b.file.read(p)
	default:
		err = b.err
	}
	b.change.Broadcast()
	return n, err, false
}

// wakeReader wakes the reader if it waits for the room that there is now.
func (b *body) wakeReader() {
	b.mu.Lock()
	wake := b.full && b.hasRoom()
	b.mu.Unlock()
	if wake {
		b.request.conn.endWaitForRoom(b.request)
	}
}

// closeRead says that the App has returned: a Read under way fails, and the rest of the body is dropped.
func (b *body) closeRead() {
	b.mu.Lock()
	b.closed, b.memory = true, bytes.Buffer{}
	b.file.close()
	b.change.Broadcast()
	b.mu.Unlock()
	b.wakeReader()
}
