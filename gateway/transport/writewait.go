package transport

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// WriteAll writes all of v, which it empties, and returns the number of bytes. It fails with
// os.ErrDeadlineExceeded when the peer has taken nothing for the timeout, or up to a quarter
// longer. A timeout of zero or less is no bound. Bytes that only fill the system's buffers do not
// extend the wait. setDeadline sets the write deadline; nil means SetWriteDeadline of the
// connection. If it fails, WriteAll returns its error.
func (s *Socket) WriteAll(v *net.Buffers, timeout time.Duration, setDeadline func(time.Time) error) (written int64, err error) {
	w := s.newWriteWait(timeout, setDeadline)
	for len(*v) > 0 {
		if err := w.moveDeadline(); err != nil {
			return written, err
		}
		n, err := s.writeSome(v)
		written += n
		if err := w.noteResult(n, err); err != nil {
			return written, err
		}
	}
	return written, nil
}

// writeUntilDeadline is writeSome by the methods of net.Conn.
func (s *Socket) writeUntilDeadline(v *net.Buffers) (int64, error) {
	n, err := v.WriteTo(s.nc)
	if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

// SendFile sends n bytes of f as gateway.SendFile does, by sendfile(2) if the system can, and waits
// for the peer as WriteAll does.
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
			beginErr = w.moveDeadline()
			return beginErr
		})
		sent += k
		if err == nil || beginErr != nil || dst.err != nil || w.noteResult(0, err) != nil {
			return sent, err
		}
		if n > 0 {
			n -= k
		}
	}
}

// fileTarget is the destination of SendFile. SendFile calls its Write for what sendfile(2) cannot
// send.
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

// writeWait is the wait for a peer to take some bytes. It is divided into parts, each with its own
// deadline. At the end of each part it checks whether the peer took bytes from the system's buffer,
// since a unix socket accepts more only when three quarters of its buffer are free.
type writeWait struct {
	socket      *Socket
	timeout     time.Duration
	setDeadline func(time.Time) error // nil: SetWriteDeadline of the connection
	since       time.Time             // when the wait began or the peer last took bytes; zero: no wait yet
	queued      int                   // bytes that it had not taken at the last check, or negative
}

// writeWaitParts is the number of parts in one timeout.
const writeWaitParts = 8

func (s *Socket) newWriteWait(timeout time.Duration, setDeadline func(time.Time) error) *writeWait {
	return &writeWait{socket: s, timeout: timeout, setDeadline: setDeadline, queued: -1}
}

// moveDeadline sets the deadline of the next part of the wait.
func (w *writeWait) moveDeadline() error {
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

// noteResult notes the result of a write, and returns err unless the wait continues.
func (w *writeWait) noteResult(n int64, err error) error {
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

// noteProgress notes that the system has taken some bytes: the next part begins a new wait.
func (w *writeWait) noteProgress() { w.since, w.queued = time.Time{}, -1 }
