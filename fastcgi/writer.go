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

// writer writes the records of a connection, those of all its requests. Its methods are called with
// mu locked, but for abort.
type writer struct {
	nc      net.Conn
	socket  *transport.Socket
	timeout time.Duration              // WriteTimeout; zero is none
	failed  func(err error, late bool) // called once, with mu locked, when a write has failed

	mu       sync.Mutex                // held while a record is written, and taken before conn.mu
	err      error                     // why nothing can be written any more, or nil
	widened  bool                      // a unix socket's buffer was enlarged
	aborting atomic.Pointer[time.Time] // the deadline of abort; nil before that
}

// send writes records. The error is not nil where nobody can be answered any more. What the system
// takes at once needs no deadline.
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

// sendAll is send for several slices, and empties v. Where they are more than one, they end with
// pairs of a record's header and its content.
func (w *writer) sendAll(v *net.Buffers) error {
	if w.err != nil {
		return w.err
	}
	if _, err := w.socket.WriteAll(v, w.timeout, w.setDeadline); err != nil {
		return w.fail(err, unfinished(*v))
	}
	return nil
}

// sendStart writes records of which the last lacks that many bytes, which follow at once.
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

// unfinished returns what is left of the record that was being sent.
func unfinished(v net.Buffers) net.Buffers {
	if len(v) == 0 || len(v)%2 == 0 && len(v[0]) == wire.HeaderSize { // between two
		return nil
	}
	return v[:2-len(v)%2]
}

// setDeadline moves the write deadline, unless it is that of abort. Once that is over, it fails.
func (w *writer) setDeadline(deadline time.Time) error {
	if until := w.abortDeadline(); !until.IsZero() && !time.Now().Before(until) {
		return os.ErrDeadlineExceeded
	} else if !until.IsZero() {
		return nil
	}
	err := w.nc.SetWriteDeadline(deadline)
	if until := w.abortDeadline(); !until.IsZero() { // and this has just replaced it
		return w.nc.SetWriteDeadline(until)
	}
	return err
}

// abortDeadline is zero before abort.
func (w *writer) abortDeadline() time.Time {
	if until := w.aborting.Load(); until != nil {
		return *until
	}
	return time.Time{}
}

// fail gives the connection up after an error of writing. rest is what was not sent of a record.
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

// lostError is what an App is told of an error of writing. Where our side has closed the
// connection, the reader found that the peer had gone, or the server was closed: to the App both
// mean that the peer has gone (see gateway.PeerGone).
func lostError(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return io.ErrClosedPipe
	}
	return err
}

// closeSide closes our side of the connection. The reader must go on until the peer has closed its
// own: to close with input unread would reset the connection, and destroy what the peer has not
// read yet.
func (w *writer) closeSide() {
	w.err = io.ErrClosedPipe
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
	if w.err == nil {
		w.err = io.ErrClosedPipe
		breakConn(w.nc, nil)
	}
	w.nc.Close()
}

// wideBuffer is what a unix socket is asked to hold for its reader, in bytes; Linux gives 416 KiB
// by default. It calls such a socket writable only when three quarters of that are free, so that
// with the usual 208 KiB reader and writer take turns: files go two to three times as fast with
// more.
const wideBuffer = 1 << 20

// widen makes a unix socket hold more, once, for a connection that has something large to send.
func (w *writer) widen() {
	if u, ok := w.nc.(*net.UnixConn); ok && !w.widened {
		w.widened = true
		u.SetWriteBuffer(wideBuffer)
	}
}

// breakMark is not a record: after it, nginx, Apache, lighttpd and HAProxy take the connection for
// broken. nginx takes a plain end for the end of the response, within a record too.
const breakMark = "\xff\xff\xff\xff\xff\xff\xff\xff"

// abortTime is what the mark, and the record before it, may take when the peer reads. When the peer
// does not, more would not help.
const abortTime = 10 * time.Millisecond

// breakConn shows the peer that its connection, which is then to be closed, is broken. rest is what
// was not sent yet of a record, as the mark would be content within one. The TCP connection of a
// peer that does not read is reset; a unix socket cannot be, and is made to hold more, where the
// system's net.core.wmem_max allows it.
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

// zeros are padding.
var zeros [4 << 10]byte

// zeroBytes is n bytes of zeros.
func zeroBytes(n int64) (v net.Buffers) {
	for n > 0 {
		part := zeros[:min(n, int64(len(zeros)))]
		v = append(v, part)
		n -= int64(len(part))
	}
	return v
}
