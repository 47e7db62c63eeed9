package client

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// stream is one request's share of a connection, as a net.Conn and the owner of the conn on it: the request's records come out of Read
// as they came in, and what is written are whole records. Read and SetReadDeadline are for one goroutine.
type stream struct {
	net.Conn  // the shared one, for the methods that are not here
	shared    *sharedConn
	id        uint16
	abandoned bool // guarded by shared.mu
	until     time.Time

	more, room chan struct{} // of capacity 1: Read, and deliver, may look again

	mu     sync.Mutex
	buf    bytes.Buffer
	err    error // after buf
	begun  bool  // something may have been written
	closed bool
}

// streamBuffer bounds what waits for the reader of one response, in bytes. FastCGI has no flow control for one request of several: when
// more comes, the connection waits with all that is on it.
const streamBuffer = 256 << 10

func newStream(c *sharedConn, id uint16) *stream {
	return &stream{Conn: c.base.call.Conn, shared: c, id: id, more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// wake has the goroutine that waits for c look again.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// deliver takes a record in when there is room, and drops it after Close.
func (s *stream) deliver(h wire.Header, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.buf.Len() > streamBuffer && !s.closed {
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

// fail ends the stream after what has come.
func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	wake(s.more)
}

// Read waits for records until the deadline.
func (s *stream) Read(p []byte) (int, error) {
	for {
		if n, err := s.take(p); n > 0 || err != nil {
			return n, err
		}
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
}

func (s *stream) take(p []byte) (int, error) {
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

func (s *stream) wait() error {
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
func (s *stream) Write(p []byte) (int, error) {
	if !s.begin() {
		return 0, net.ErrClosed
	}
	return s.shared.write(p)
}

// begin reports whether something may be written, and notes that it is.
func (s *stream) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.begun = true
	}
	return !s.closed
}

// Close gives the request up, unless it has ended.
func (s *stream) Close() error {
	s.mu.Lock()
	s.closed = true
	s.buf = bytes.Buffer{}
	begun := s.begun
	wake(s.more)
	wake(s.room)
	s.mu.Unlock()
	s.shared.abandon(s, begun)
	return nil
}

// release implements owner.
func (s *stream) release(*conn) { s.Close() }

// discard implements owner.
func (s *stream) discard(*conn) { s.Close() }

// noteAnswer implements owner: the shared connection has been answered before.
func (s *stream) noteAnswer(*conn) {}

// SetReadDeadline bounds the Reads to come.
func (s *stream) SetReadDeadline(t time.Time) error {
	s.until = t
	return nil
}

// SetWriteDeadline does nothing: the shared connection has its own.
func (s *stream) SetWriteDeadline(time.Time) error { return nil }
