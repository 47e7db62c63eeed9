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

// stream carries one request of a shared connection. It is a net.Conn, and the owner of the conn on
// it. Read returns the records of the request, headers included; each Write must be of complete
// records. Only one goroutine may call Read and SetReadDeadline.
type stream struct {
	net.Conn  // the shared connection, for the methods that stream does not define
	shared    *sharedConn
	id        uint16
	abandoned bool      // guarded by shared.mu
	until     time.Time // the read deadline

	more, room chan struct{} // of capacity 1: wake Read and deliver to check again

	mu      sync.Mutex
	buf     bytes.Buffer
	err     error // what Read returns after buf
	begun   bool  // something may have been written
	slow    bool  // see setSlow
	dropped bool  // later records are dropped
}

// streamBuffer bounds the unread records of one response, in bytes. FastCGI has no flow control for
// a single request: when more arrives, the connection waits, and so do all requests on it.
const streamBuffer = 256 << 10

// errUnread ends an exchange on a shared connection whose caller has read nothing of the response
// for ReadTimeout while other responses had to wait.
var errUnread = &gateway.BackendError{Status: 504, Reason: "the response was not read in time",
	Err: errors.New("fastcgi: other responses had to wait for it for ReadTimeout")}

func newStream(c *sharedConn, id uint16) *stream {
	return &stream{Conn: c.base.call.Conn, shared: c, id: id, more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// wake wakes the goroutine that waits for c.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// deliver waits for room and buffers a record. After Close it drops the record.
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
		s.setSlow(false)
	}
	wake(s.more)
}

// waitForRoom waits until the caller reads something, and aborts the request if it reads nothing
// for ReadTimeout.
func (s *stream) waitForRoom() {
	s.setSlow(true)
	waiting := s.buf.Len()
	s.mu.Unlock()
	read := s.shared.waitForReader(s.room)
	s.mu.Lock()
	if !read && s.buf.Len() == waiting && !s.dropped {
		s.shared.mux.stalled.Add(1)
		s.drop(errUnread)
	}
}

// setSlow notes whether the stream is slow: its buffer is full, so that the connection waits for
// its reader. A stream stays slow until half of its buffer is free, because a reader that reads a
// little now and then would delay further requests on the connection.
func (s *stream) setSlow(slow bool) {
	if s.slow == slow {
		return
	}
	s.slow = slow
	if slow {
		s.shared.slow.Add(1)
	} else if s.shared.slow.Add(-1) == 0 {
		s.shared.mux.notifyRoom()
	}
}

// fail makes Read return err after the buffered records.
func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.setSlow(false)
	wake(s.more)
}

// Read waits for records until the deadline.
func (s *stream) Read(p []byte) (int, error) {
	for {
		if n, err := s.readBuffered(p); n > 0 || err != nil {
			return n, err
		}
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
}

// readBuffered reads without waiting. It returns 0 and nil if nothing is buffered yet.
func (s *stream) readBuffered(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buf.Len() == 0 {
		return 0, s.err
	}
	n, _ := s.buf.Read(p)
	if s.buf.Len() <= streamBuffer/2 {
		s.setSlow(false)
	}
	wake(s.room)
	return n, nil
}

// wait waits for more until the deadline. Time in which the connection waits for the reader of
// another response does not count.
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

// Write writes complete records to the shared connection, whose WriteTimeout applies.
func (s *stream) Write(p []byte) (int, error) {
	if !s.begin() {
		return 0, net.ErrClosed
	}
	return s.shared.write(p)
}

// begin reports whether the request may still be written, and notes that it has begun.
func (s *stream) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dropped {
		s.begun = true
	}
	return !s.dropped
}

// Close aborts the request, unless it is complete.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(net.ErrClosed)
	return nil
}

// drop aborts the request and makes Read fail with err at once. The caller holds mu.
func (s *stream) drop(err error) {
	if s.dropped {
		return
	}
	s.dropped, s.err, s.buf = true, err, bytes.Buffer{}
	s.setSlow(false)
	wake(s.more)
	wake(s.room)
	s.shared.abandon(s, s.begun)
}

// release implements owner.
func (s *stream) release(c *conn) {
	c.releaseReader()
	s.Close()
}

// discard implements owner.
func (s *stream) discard(*conn) { s.Close() }

// noteAnswer implements owner. It does nothing: the shared connection was answered before.
func (s *stream) noteAnswer(*conn) {}

// closedBy implements owner.
func (s *stream) closedBy() error { return s.shared.pool.closedBy() }

// SetReadDeadline sets the deadline of later Reads.
func (s *stream) SetReadDeadline(t time.Time) error {
	s.until = t
	return nil
}

// SetWriteDeadline does nothing: the shared connection has its own deadline.
func (s *stream) SetWriteDeadline(time.Time) error { return nil }
