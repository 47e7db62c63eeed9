package nethttp

import (
	"bytes"
	"io"
	"sync"
)

const (
	// aheadMost is how many unread bytes may be buffered, for net/http/fcgi to read, before the
	// watch stops reading. fastcgi.Server holds as much of a body.
	aheadMost = 256 << 10

	// aheadKept is the largest capacity, in bytes, that an empty buffer keeps, so that an idle
	// connection uses little memory.
	aheadKept = 16 << 10
)

// ahead buffers the records that were passed on and that net/http/fcgi has not read yet. Its
// methods may be called concurrently.
type ahead struct {
	mu     sync.Mutex
	change sync.Cond    // uses mu
	data   bytes.Buffer // unread records
	closed bool         // no more records follow
	ended  bool         // net/http/fcgi has read io.EOF
}

func newAhead() *ahead {
	a := new(ahead)
	a.change.L = &a.mu
	return a
}

// write appends complete records. It does not wait: the watch calls hasRoom before it reads more.
func (a *ahead) write(records []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.data.Write(records)
	a.change.Broadcast()
}

// close notes that no more records follow.
func (a *ahead) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.change.Broadcast()
}

// read implements Read for net/http/fcgi. It waits until a record is buffered, and returns io.EOF
// after the end.
func (a *ahead) read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.data.Len() == 0 && !a.closed {
		a.change.Wait()
	}
	a.change.Broadcast()
	if a.data.Len() == 0 {
		a.ended = true
		return 0, io.EOF
	}
	n, err := a.data.Read(p)
	if a.data.Len() == 0 && a.data.Cap() > aheadKept {
		a.data = bytes.Buffer{}
	}
	return n, err
}

// hasRoom reports whether the watch may read more.
func (a *ahead) hasRoom() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.data.Len() <= aheadMost
}

// waitForRoom waits until hasRoom is true.
func (a *ahead) waitForRoom() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.data.Len() > aheadMost {
		a.change.Wait()
	}
}

// waitEnd waits until net/http/fcgi has read everything and io.EOF.
func (a *ahead) waitEnd() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.ended {
		a.change.Wait()
	}
}
