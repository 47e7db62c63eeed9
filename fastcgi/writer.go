package fastcgi

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/transport"
)

// writer writes the records of all requests of a connection. The caller of its methods, except
// abort, holds mu.
type writer struct {
	nc      net.Conn
	socket  *transport.Socket
	timeout time.Duration              // WriteTimeout; zero is no bound
	failed  func(err error, late bool) // called once, with mu locked, when a write has failed

	mu       sync.Mutex                // held while records are written; locked before conn.mu
	err      error                     // why nothing more can be written, or nil
	widened  bool                      // a unix socket's buffer was enlarged
	aborting atomic.Pointer[time.Time] // the deadline of abort; nil before abort
}

// send writes records. After an error nothing more can be written on the connection. If the system
// accepts all bytes at once, send sets no deadline.
func (w *writer) send(records []byte) error {
	if w.err != nil {
		return w.err
	}
	n := w.socket.WriteNow(records)
	if n == len(records) {
		return nil
	}
	return w.sendAll(&net.Buffers{records[n:]})
}

// sendAll writes several slices and empties v. If v has more than one slice, it ends with pairs of
// a record's header and its content.
func (w *writer) sendAll(v *net.Buffers) error {
	if w.err != nil {
		return w.err
	}
	if _, err := w.socket.WriteAll(v, w.timeout, w.setDeadline); err != nil {
		return w.fail(err, unfinished(*v))
	}
	return nil
}

// sendStart writes records of which the last is incomplete. The caller writes the lacking bytes at
// once after it.
func (w *writer) sendStart(records []byte, lacking int64) error {
	if w.err != nil {
		return w.err
	}
	n := w.socket.WriteMoreNow(records)
	if n == len(records) {
		return nil
	}
	v := net.Buffers{records[n:]}
	if _, err := w.socket.WriteAll(&v, w.timeout, w.setDeadline); err != nil {
		return w.fail(err, append(v, zeroBytes(lacking)...))
	}
	return nil
}

// unfinished returns the rest of the record that was being sent, where v is the unsent rest of all.
func unfinished(v net.Buffers) net.Buffers {
	if len(v) == 0 || len(v)%2 == 0 && len(v[0]) == wire.HeaderSize { // between two records
		return nil
	}
	return v[:2-len(v)%2]
}

// setDeadline sets the write deadline, but does not replace the deadline of abort. It fails when
// that has passed.
func (w *writer) setDeadline(deadline time.Time) error {
	if until := w.abortDeadline(); !until.IsZero() && !time.Now().Before(until) {
		return os.ErrDeadlineExceeded
	} else if !until.IsZero() {
		return nil
	}
	err := w.nc.SetWriteDeadline(deadline)
	if until := w.abortDeadline(); !until.IsZero() { // abort ran meanwhile: restore its deadline
		return w.nc.SetWriteDeadline(until)
	}
	return err
}

// abortDeadline returns the deadline of abort, or zero before abort.
func (w *writer) abortDeadline() time.Time {
	if until := w.aborting.Load(); until != nil {
		return *until
	}
	return time.Time{}
}

// fail closes the connection after a write error. rest is the unsent part of a record.
func (w *writer) fail(err error, rest net.Buffers) error {
	w.err = io.ErrClosedPipe
	late, aborted := errors.Is(err, os.ErrDeadlineExceeded), w.aborting.Load() != nil
	w.failed(err, late && !aborted)
	if late {
		breakConn(w.nc, rest)
	}
	w.nc.Close()
	if aborted {
		return io.ErrClosedPipe
	}
	return lostError(err)
}

// lostError returns the error of an App's Write after a write error. If our side has closed the
// connection, then either the peer has disconnected or the server was closed. For the App both mean
// that the peer has gone (see gateway.PeerGone).
func lostError(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return io.ErrClosedPipe
	}
	return err
}

// closeSending closes our side of the connection. The reader must continue until the peer has
// closed its side: closing with unread input would reset the connection, and destroy what the peer
// has not read yet.
func (w *writer) closeSending() {
	w.err = io.ErrClosedPipe
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
	if w.err == nil {
		w.err = io.ErrClosedPipe
		breakConn(w.nc, nil)
	}
	w.nc.Close()
}

// wideBuffer is the size, in bytes, that is requested for the send buffer of a unix socket; Linux
// limits it to 416 KiB by default. Linux reports such a socket as writable only when three quarters
// of the buffer are free. With the usual 208 KiB, reader and writer take turns. A larger buffer
// makes files two to three times as fast.
const wideBuffer = 1 << 20

// widen enlarges the send buffer of a unix socket, once, before something large is sent.
func (w *writer) widen() {
	if u, ok := w.nc.(*net.UnixConn); ok && !w.widened {
		w.widened = true
		u.SetWriteBuffer(wideBuffer)
	}
}

// breakMark is not a valid record. nginx, Apache, lighttpd and HAProxy treat a connection with it
// as broken. nginx treats a plain close as the end of the response, even within a record.
const breakMark = "\xff\xff\xff\xff\xff\xff\xff\xff"

// abortTime is the time to write the mark and the record before it. It is enough if the peer reads;
// if the peer does not read, more time would not help.
const abortTime = 10 * time.Millisecond

// breakConn sends the mark, so that the peer sees that the connection is broken. The caller then
// closes the connection. rest is the unsent part of a record, which must precede the mark, because
// the mark would be content within a record. If the peer does not read, a TCP connection is reset.
// A unix socket cannot be reset, so its buffer is enlarged first, as far as net.core.wmem_max
// allows.
func breakConn(nc net.Conn, rest net.Buffers) {
	if u, ok := nc.(*net.UnixConn); ok {
		u.SetWriteBuffer(2 * wideBuffer)
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

// zeros are the bytes of padding.
var zeros [4 << 10]byte

// zeroBytes returns n zero bytes.
func zeroBytes(n int64) (v net.Buffers) {
	for n > 0 {
		part := zeros[:min(n, int64(len(zeros)))]
		v = append(v, part)
		n -= int64(len(part))
	}
	return v
}
