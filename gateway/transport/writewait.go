package transport

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// WriteAll writes all of v, which it empties, and returns how many bytes that was. It gives up,
// with os.ErrDeadlineExceeded, when the peer has taken nothing for the timeout, or up to a quarter
// longer; not positive is no bound. The bytes that fill the system's buffers at first gain the peer
// no time. setDeadline sets write deadlines; nil is that of the connection. Its error ends the
// writing.
func (s *Socket) WriteAll(v *net.Buffers, timeout time.Duration, setDeadline func(time.Time) error) (written int64, err error) {
	w := s.newWriteWait(timeout, setDeadline)
	for len(*v) > 0 {
		if err := w.begin(); err != nil {
			return written, err
		}
		n, err := s.writeSome(v)
		written += n
		if err := w.end(n, err); err != nil {
			return written, err
		}
	}
	return written, nil
}

// writeUntilDeadline is writeSome with the means of net.Conn.
func (s *Socket) writeUntilDeadline(v *net.Buffers) (int64, error) {
	n, err := v.WriteTo(s.nc)
	if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

// SendFile sends n bytes of f as gateway.SendFile does, by sendfile(2) where the system can, and
// waits for the peer as WriteAll does.
func (s *Socket) SendFile(f gateway.File, n int64, timeout time.Duration, setDeadline func(time.Time) error) (sent int64, err error) {
	w := s.newWriteWait(timeout, setDeadline)
	dst := &fileTarget{socket: s, timeout: timeout, setDeadline: setDeadline}
	dst.Conn, _ = s.nc.(syscall.Conn)
	for {
		steps, beginErr := 0, error(nil)
		k, err := gateway.SendFile(dst, f, n, func() error {
			if steps++; steps > 1 {
				w.noteProgress()
			}
			beginErr = w.begin()
			return beginErr
		})
		sent += k
		if err == nil || beginErr != nil || dst.err != nil || w.end(0, err) != nil {
			return sent, err
		}
		if n > 0 {
			n -= k
		}
	}
}

// fileTarget is where SendFile sends. Its Write is for what the system cannot send by itself.
type fileTarget struct {
	syscall.Conn
	socket      *Socket
	timeout     time.Duration
	setDeadline func(time.Time) error
	err         error
}

// SyscallConn implements syscall.Conn.
func (t *fileTarget) SyscallConn() (syscall.RawConn, error) {
	if t.Conn == nil {
		return nil, errors.ErrUnsupported
	}
	return t.Conn.SyscallConn()
}

// Write implements io.Writer.
func (t *fileTarget) Write(p []byte) (int, error) {
	n, err := t.socket.WriteAll(&net.Buffers{p}, t.timeout, t.setDeadline)
	t.err = err
	return int(n), err
}

// writeWait is the wait for a peer to take some bytes. Its deadlines are a part of the timeout, and
// at each it looks whether the peer took some of what is in the system's buffer: a unix socket
// accepts more only when three quarters of that are free.
type writeWait struct {
	socket      *Socket
	timeout     time.Duration
	setDeadline func(time.Time) error // nil is that of the connection
	since       time.Time             // the last sign that the peer takes bytes
	queued      int                   // bytes that it had not taken at the last look, or negative
}

// writeWaitParts is how many looks there are in one timeout.
const writeWaitParts = 8

func (s *Socket) newWriteWait(timeout time.Duration, setDeadline func(time.Time) error) *writeWait {
	return &writeWait{socket: s, timeout: timeout, setDeadline: setDeadline, queued: -1}
}

// begin begins a part of the wait.
func (w *writeWait) begin() error {
	if w.timeout <= 0 {
		return nil
	}
	now := time.Now()
	if w.since.IsZero() {
		w.since = now
	}
	until := now.Add(w.timeout / writeWaitParts)
	if w.setDeadline == nil {
		return w.socket.nc.SetWriteDeadline(until)
	}
	return w.setDeadline(until)
}

// end is told what came of it, and returns err unless the wait goes on.
func (w *writeWait) end(n int64, err error) error {
	switch {
	case n > 0:
		w.noteProgress()
	case errors.Is(err, os.ErrDeadlineExceeded) && w.timeout > 0:
		queued := w.socket.queued()
		if queued >= 0 && queued < w.queued {
			w.since = time.Now()
		}
		w.queued = queued
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(w.since) < w.timeout {
		return nil
	}
	return err
}

// noteProgress says that the system has taken some bytes: the next part begins another wait.
func (w *writeWait) noteProgress() { w.since, w.queued = time.Time{}, -1 }
