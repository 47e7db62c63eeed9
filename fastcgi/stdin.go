package fastcgi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/cgikit/cgikit/gateway"
)

// stdinBuffer is how much of a body is taken off the connection before the App asks for it. The bodies of forms fit, so that they
// do not hold up the connection, which a reader that waits for the App does.
const stdinBuffer = 64 << 10

// errBodyCut is what the App reads where the web server aborted or went away within the body. It is a context.Canceled too: then
// nobody is there who should be told of it.
var errBodyCut = fmt.Errorf("fastcgi: request body broken off by the web server: %w: %w", io.ErrUnexpectedEOF, context.Canceled)

// stdin is the body of one request on its way from the connection's reader to the App. Its methods may be called at the same time.
type stdin struct {
	mu     sync.Mutex
	change sync.Cond    // waits on mu: bytes, their end, or their reader's end
	data   bytes.Buffer // not read yet
	err    error        // behind data; nil while there is more to come
	closed bool         // the App has returned
}

func newStdin() *stdin {
	s := new(stdin)
	s.change.L = &s.mu
	return s
}

// put hands on the content of a record. It waits while too much is unread, and drops what nobody will read.
func (s *stdin) put(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.data.Len() >= stdinBuffer && !s.closed && s.err == nil {
		s.change.Wait()
	}
	if s.closed || s.err != nil {
		return
	}
	s.data.Write(p)
	s.change.Broadcast()
}

// end says what comes behind the bytes: io.EOF for a whole body. Only the first call counts.
func (s *stdin) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.change.Broadcast()
}

// Read implements io.Reader for the App.
func (s *stdin) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.data.Len() == 0 && s.err == nil && !s.closed {
		s.change.Wait()
	}
	switch {
	case s.closed:
		return 0, gateway.ErrFinished
	case s.data.Len() == 0:
		return 0, s.err
	}
	s.change.Broadcast()
	return s.data.Read(p)
}

// close says that the App has returned: a Read under way fails, and the rest of the body is dropped.
func (s *stdin) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.data = true, bytes.Buffer{}
	s.change.Broadcast()
}
