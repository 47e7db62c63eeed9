package client

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// stream is one request's share of a connection, as a net.Conn and the owner of the conn on it: the
// request's records come out of Read as they came in, and what is written are whole records. Read
// and SetReadDeadline are for one goroutine.
type stream struct {
	net.Conn  // the shared one, for the methods that are not here
	shared    *sharedConn
	id        uint16
	abandoned bool // guarded by shared.mu
	until     time.Time

	more, room chan struct{} // of capacity 1: Read, and deliver, may look again

	mu      sync.Mutex
	buf     bytes.Buffer
	err     error // after buf
	begun   bool  // something may have been written
	behind  bool  // its reader is: see setBehind
	dropped bool  // nothing more is taken in
}

// streamBuffer bounds what waits for the reader of one response, in bytes. FastCGI has no flow
// control for one request of several: when more comes, the connection waits with all that is on it.
const streamBuffer = 256 << 10

// errUnread is the failure of an exchange on a shared connection whose caller has read nothing of
// the response for ReadTimeout, while other responses had to wait for it.
var errUnread = &gateway.BackendError{Status: 504, Reason: "the response was not read in time",
	Err: errors.New("fastcgi: other responses had to wait for it for ReadTimeout")}

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
	for s.buf.Len() > streamBuffer && !s.dropped {
		s.waitForRoom()
	}
	if s.dropped {
		return
	}
	s.buf.Write(wire.AppendPadded(s.buf.AvailableBuffer(), h.Type, h.ID, content, 0))
	if h.Type == wire.TypeEndRequest {
		s.err = io.EOF
		s.setBehind(false)
	}
	wake(s.more)
}

// waitForRoom waits until the reader takes something, and gives the request up if it takes nothing
// for ReadTimeout.
func (s *stream) waitForRoom() {
	s.setBehind(true)
	waiting := s.buf.Len()
	s.mu.Unlock()
	read := s.shared.waitForReader(s.room)
	s.mu.Lock()
	if !read && s.buf.Len() == waiting && !s.dropped {
		s.shared.mux.stalled.Add(1)
		s.drop(errUnread)
	}
}

// setBehind notes whether the reader of the response is so far behind that the connection has to
// wait for it. It is until half of the buffer is free: a reader that takes a little now and then
// would slow further requests on the connection down.
func (s *stream) setBehind(behind bool) {
	if s.behind == behind {
		return
	}
	s.behind = behind
	if behind {
		s.shared.behind.Add(1)
	} else if s.shared.behind.Add(-1) == 0 {
		s.shared.mux.roomMade()
	}
}

// fail ends the stream after what has come.
func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.setBehind(false)
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
	if s.buf.Len() == 0 {
		return 0, s.err
	}
	n, _ := s.buf.Read(p)
	if s.buf.Len() <= streamBuffer/2 {
		s.setBehind(false)
	}
	wake(s.room)
	return n, nil
}

// wait waits for more until the deadline. While the connection waits for the reader of another
// response, time does not count.
func (s *stream) wait() error {
	if s.until.IsZero() {
		<-s.more
		return nil
	}
	blocked := s.shared.blockedTime()
	timer := time.NewTimer(time.Until(s.until))
	defer timer.Stop()
	for {
		select {
		case <-s.more:
			return nil
		case <-timer.C:
		}
		extra := s.shared.blockedTime() - blocked
		if extra == 0 {
			return os.ErrDeadlineExceeded
		}
		blocked += extra
		timer.Reset(extra)
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
	if !s.dropped {
		s.begun = true
	}
	return !s.dropped
}

// Close gives the request up, unless it has ended.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(net.ErrClosed)
	return nil
}

// drop gives the request up, and has Read fail with err at once.
func (s *stream) drop(err error) {
	if s.dropped {
		return
	}
	s.dropped, s.err, s.buf = true, err, bytes.Buffer{}
	s.setBehind(false)
	wake(s.more)
	wake(s.room)
	s.shared.abandon(s, s.begun)
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
