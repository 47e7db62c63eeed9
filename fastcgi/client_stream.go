package fastcgi

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// muxStream is one request on a shared connection, as a net.Conn: its records come out of Read as they came in, and what is written
// are whole records. Read and SetReadDeadline are for one goroutine.
type muxStream struct {
	net.Conn  // the shared one, for what is not here
	mux       *muxConn
	id        uint16
	until     time.Time
	abandoned bool // guarded by mux.mu

	more, room chan struct{} // of capacity 1: Read, and deliver, may look again

	mu     sync.Mutex
	buf    bytes.Buffer
	err    error // behind buf
	closed bool
}

// muxBuffer bounds what waits for the reader of one response, in bytes. FastCGI has no flow control for one request of several: over
// it, the connection waits with all that is on it.
const muxBuffer = 256 << 10

func newMuxStream(m *muxConn, id uint16) *muxStream {
	return &muxStream{Conn: m.conn.call.Conn, mux: m, id: id, more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// wake makes whoever waits for c look again.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// deliver takes a record in, when there is room or nobody to read it.
func (s *muxStream) deliver(h wire.Header, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.buf.Len() > muxBuffer && !s.closed {
		s.mu.Unlock()
		<-s.room
		s.mu.Lock()
	}
	if s.closed {
		return
	}
	s.buf.Write(wire.AppendPadded(s.buf.AvailableBuffer(), h.Type, h.ID, content, 0))
	if h.Type == wire.TypeEndRequest {
		s.err = io.EOF
	}
	wake(s.more)
}

// fail ends the stream behind what has come.
func (s *muxStream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	wake(s.more)
}

// Read waits for records until the deadline.
func (s *muxStream) Read(p []byte) (int, error) {
	for {
		if n, err := s.take(p); n > 0 || err != nil {
			return n, err
		}
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
}

func (s *muxStream) take(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	if s.buf.Len() == 0 {
		return 0, s.err
	}
	n, _ := s.buf.Read(p)
	wake(s.room)
	return n, nil
}

func (s *muxStream) wait() error {
	if s.until.IsZero() {
		<-s.more
		return nil
	}
	timer := time.NewTimer(time.Until(s.until))
	defer timer.Stop()
	select {
	case <-s.more:
		return nil
	case <-timer.C:
		return os.ErrDeadlineExceeded
	}
}

// Write writes whole records to the shared connection, under its WriteTimeout.
func (s *muxStream) Write(p []byte) (int, error) {
	if s.isClosed() {
		return 0, net.ErrClosed
	}
	if err := s.mux.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *muxStream) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Close gives the request up, unless it has ended.
func (s *muxStream) Close() error {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.buf = bytes.Buffer{}
	wake(s.more)
	wake(s.room)
	s.mu.Unlock()
	if !was {
		s.mux.abandon(s)
	}
	return nil
}

// SetReadDeadline bounds the Reads to come.
func (s *muxStream) SetReadDeadline(t time.Time) error {
	s.until = t
	return nil
}

// SetWriteDeadline does nothing: the shared connection has its own.
func (s *muxStream) SetWriteDeadline(time.Time) error { return nil }
