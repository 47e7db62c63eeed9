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

// writer writes the records of a connection. The caller of its methods, except abort, holds mu.
type writer struct {
	nc      net.Conn
	socket  *transport.Socket
	timeout time.Duration              // WriteTimeout; zero and negative are no bound
	failed  func(err error, late bool) // called once, with mu locked, when a write has failed

	mu       sync.Mutex                // held while records are written; locked before conn.mu
	closed   bool                      // nothing more can be written
	aborting atomic.Pointer[time.Time] // the deadline of abort; nil before abort
}

// send writes complete records. After an error nothing more can be written.
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

// setDeadline sets the write deadline, but does not replace the deadline of abort. It fails when
// that has passed.
func (w *writer) setDeadline(deadline time.Time) error {
	if until := w.aborting.Load(); until != nil {
		if time.Now().Before(*until) {
			return nil
		}
		return os.ErrDeadlineExceeded
	}
	err := w.nc.SetWriteDeadline(deadline)
	if until := w.aborting.Load(); until != nil { // abort ran meanwhile: restore its deadline
		return w.nc.SetWriteDeadline(*until)
	}
	return err
}

// fail closes the connection after a write error. rest is what was not written.
func (w *writer) fail(err error, rest net.Buffers) error {
	w.closed = true
	late, aborted := errors.Is(err, os.ErrDeadlineExceeded), w.aborting.Load() != nil
	w.failed(err, late && !aborted)
	if late {
		writeBreakMark(w.nc, rest)
	}
	w.nc.Close()
	if aborted || errors.Is(err, net.ErrClosed) {
		return io.ErrClosedPipe // for the App the peer has gone (see gateway.PeerGone)
	}
	return err
}

// closeSending closes our side of the connection, after the mark of an incomplete response if
// broken. The watch must continue to read until the peer has closed its side: closing with unread
// input would reset the connection, and destroy what the peer has not read yet.
func (w *writer) closeSending(broken bool) {
	if broken {
		w.send([]byte(breakMark))
	}
	w.closed = true
	c, ok := w.nc.(interface{ CloseWrite() error })
	if !ok || c.CloseWrite() != nil {
		w.nc.Close()
	}
}

// abort breaks the connection and closes it. It locks mu. A goroutine that is writing gets
// abortTime to finish its record, because the mark must not be within a record.
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
	// breakMark is not a valid record. nginx, Apache, lighttpd and HAProxy treat a connection with
	// it as broken. nginx treats a plain close as the end of the response, even within a record.
	breakMark = "\xff\xff\xff\xff\xff\xff\xff\xff"

	// abortTime is the time to write the mark and the rest of the record before it.
	abortTime = 10 * time.Millisecond

	// markRoom is the size, in bytes, to which the full buffer of a unix socket is enlarged so that
	// it has room for the mark.
	markRoom = 1 << 20
)

// writeBreakMark sends the mark, so that the peer sees that the connection is broken. The caller
// then closes the connection. rest is the unsent part of a record, which must precede the mark,
// because the mark would be content within a record. If the peer does not read, a TCP connection is
// reset.
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
