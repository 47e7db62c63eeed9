package nethttp

import (
	"bytes"
	"io"
	"sync"
)

const (
	// aheadMost is how many bytes may wait for net/http/fcgi before the watch stops reading.
	// fastcgi.Server holds as much of a body.
	aheadMost = 256 << 10

	// aheadKept is the most that an empty buffer keeps, so that an idle connection holds little.
	aheadKept = 16 << 10
)

// ahead is the records that were passed on and that net/http/fcgi has not taken yet. Its methods
// may be called at the same time.
type ahead struct {
	mu     sync.Mutex
	change sync.Cond    // waits on mu
	data   bytes.Buffer // not taken yet
	closed bool         // no more comes
	ended  bool         // net/http/fcgi knows
}

func newAhead() *ahead {
	a := new(ahead)
	a.change.L = &a.mu
	return a
}

// put adds whole records. It does not wait: the watch asks roomy before it reads on.
func (a *ahead) put(records []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.data.Write(records)
	a.change.Broadcast()
}

// close says that no more comes.
func (a *ahead) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.change.Broadcast()
}

// take is the Read of net/http/fcgi: it waits until there is something, and returns io.EOF after
// the end.
func (a *ahead) take(p []byte) (int, error) {
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

// roomy reports whether the watch may read on.
func (a *ahead) roomy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.data.Len() <= aheadMost
}

// waitForRoom waits until roomy is true.
func (a *ahead) waitForRoom() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.data.Len() > aheadMost {
		a.change.Wait()
	}
}

// waitEnd waits until net/http/fcgi has taken everything and knows that no more comes.
func (a *ahead) waitEnd() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.ended {
		a.change.Wait()
	}
}
