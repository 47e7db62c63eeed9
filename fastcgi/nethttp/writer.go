package nethttp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway/transport"
)

// writer writes the records of a connection. Its methods are called with mu locked, but for abort.
type writer struct {
	nc      net.Conn
	socket  *transport.Socket
	timeout time.Duration              // WriteTimeout; not positive is none
	failed  func(err error, late bool) // called once, with mu locked, when a write has failed

	mu       sync.Mutex                // held while a record is written, and taken before conn.mu
	closed   bool                      // nothing can be written any more
	aborting atomic.Pointer[time.Time] // the deadline of abort; nil before that
}

// send writes whole records. The error says that nothing can be written any more.
func (w *writer) send(records []byte) error {
	if w.closed {
		return io.ErrClosedPipe
	}
	v := net.Buffers{records[w.socket.WriteNow(records):]}
	if _, err := w.socket.WriteAll(&v, w.timeout, w.setDeadline); err != nil {
		return w.fail(err, v)
	}
	return nil
}

// setDeadline moves the write deadline, unless it is that of abort. Once that is over, it fails.
func (w *writer) setDeadline(deadline time.Time) error {
	if until := w.aborting.Load(); until != nil {
		if time.Now().Before(*until) {
			return nil
		}
		return os.ErrDeadlineExceeded
	}
	err := w.nc.SetWriteDeadline(deadline)
	if until := w.aborting.Load(); until != nil { // and this has just replaced it
		return w.nc.SetWriteDeadline(*until)
	}
	return err
}

// fail closes the connection after an error of writing. rest is what was not written.
func (w *writer) fail(err error, rest net.Buffers) error {
	w.closed = true
	late, aborted := errors.Is(err, os.ErrDeadlineExceeded), w.aborting.Load() != nil
	w.failed(err, late && !aborted)
	if late {
		writeBreakMark(w.nc, rest)
	}
	w.nc.Close()
	if aborted || errors.Is(err, net.ErrClosed) {
		return io.ErrClosedPipe // to the App this is a peer that has gone (see gateway.PeerGone)
	}
	return err
}

// closeSide closes our side of the connection, after the mark of an incomplete response if broken.
// The peer must be read until it has closed its own side: to close with input unread would reset
// the connection, and destroy what the peer has not read yet.
func (w *writer) closeSide(broken bool) {
	if broken {
		w.send([]byte(breakMark))
	}
	w.closed = true
	c, ok := w.nc.(interface{ CloseWrite() error })
	if !ok || c.CloseWrite() != nil {
		w.nc.Close()
	}
}

// abort breaks the connection and closes it. The goroutine that writes at the moment has abortTime
// to finish its record, as the mark must not be within one. It locks mu.
func (w *writer) abort() {
	until := time.Now().Add(abortTime)
	w.aborting.Store(&until)
	w.nc.SetWriteDeadline(until)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		writeBreakMark(w.nc, nil)
	}
	w.nc.Close()
}

const (
	// breakMark is not a record: nginx, Apache, lighttpd and HAProxy take a connection with it for
	// broken. nginx takes a plain end of the connection, within a record too, for the end of the
	// response.
	breakMark = "\xff\xff\xff\xff\xff\xff\xff\xff"

	// abortTime is how long eight bytes, and the rest of the record before them, may take to be
	// written.
	abortTime = 10 * time.Millisecond

	// markRoom is the size, in bytes, to which the full buffer of a unix socket is enlarged so that
	// it takes the mark.
	markRoom = 1 << 20
)

// writeBreakMark shows the peer that its connection, which is then to be closed, is broken. rest is
// what it has not been sent of a record: within one, the mark would be content. A peer that does
// not read finds its TCP connection reset.
func writeBreakMark(nc net.Conn, rest net.Buffers) {
	if u, ok := nc.(*net.UnixConn); ok {
		u.SetWriteBuffer(markRoom)
	}
	nc.SetWriteDeadline(time.Now().Add(abortTime))
	rest = append(rest, []byte(breakMark))
	if _, err := rest.WriteTo(nc); err == nil {
		return
	}
	if t, ok := nc.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
}
