package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func (s *Socket) open() {
	sc, ok := s.nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	s.raw = raw
	_, s.unix = s.nc.(*net.UnixConn)
}

// ResetsByUnread says that closing this connection resets it only if input is unread. A TCP
// connection has SO_LINGER.
func (s *Socket) ResetsByUnread() bool { return s.unix && s.raw != nil }

// Peek waits for bytes under the read deadline and leaves them where they are. It is there where
// ResetsByUnread is true.
func (s *Socket) Peek(p []byte) (int, error) {
	if s.raw == nil {
		return 0, errors.ErrUnsupported
	}
	n, err := 0, error(nil)
	waitErr := s.raw.Read(func(fd uintptr) bool {
		n, err = receiveFrom(fd, p, unix.MSG_PEEK)
		return err != unix.EAGAIN
	})
	return received(n, err, waitErr)
}

func received(n int, err, waitErr error) (int, error) {
	switch {
	case waitErr != nil:
		return 0, waitErr
	case err != nil:
		return 0, os.NewSyscallError("recvfrom", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// ReadNow, PeekNow and WriteNow do what can be done without waiting, whatever the deadlines are,
// and return how many bytes that was. What stands in the way they leave for the call that waits to
// find.
func (s *Socket) ReadNow(p []byte) int { return s.receiveNow(p, 0) }

// PeekNow is ReadNow that leaves the bytes in the system.
func (s *Socket) PeekNow(p []byte) int { return s.receiveNow(p, unix.MSG_PEEK) }

func (s *Socket) receiveNow(p []byte, flags int) int {
	if s.raw == nil || len(p) == 0 {
		return 0
	}
	t := &s.in
	if t.now == nil {
		t.now = func(fd uintptr) { t.n, t.err = receiveFrom(fd, t.p, t.flags) }
	}
	t.p, t.flags, t.n = p, flags, 0
	s.raw.Control(t.now)
	t.p = nil
	return t.n
}

// WriteNow is described at ReadNow.
func (s *Socket) WriteNow(p []byte) int {
	n, _ := s.send(p, 0)
	return n
}

// WriteMoreNow is WriteNow for bytes behind which more follow at once. Over TCP it says so
// (MSG_MORE), so that p need not be a packet of its own; a unix socket has no packets.
func (s *Socket) WriteMoreNow(p []byte) int {
	flags := unix.MSG_MORE
	if s.unix {
		flags = 0
	}
	n, _ := s.send(p, flags)
	return n
}

// writeSome waits under the write deadline until the system takes some of v, and drops that from v.
func (s *Socket) writeSome(v *net.Buffers) (int64, error) {
	if s.raw == nil {
		return s.writeUntilDeadline(v)
	}
	t := &s.out
	if t.some == nil {
		t.some = t.sendSome
	}
	t.v, t.n, t.err = *v, 0, nil
	waitErr := s.raw.Write(t.some)
	t.v = nil
	switch {
	case waitErr != nil:
		return 0, waitErr
	case t.err != nil:
		return 0, os.NewSyscallError("writev", t.err)
	}
	consume(v, t.n)
	return int64(t.n), nil
}

// queued returns how many bytes of what was written the peer has not taken, -1 where the system
// does not tell.
func (s *Socket) queued() int {
	n := -1
	if s.raw == nil {
		return n
	}
	s.raw.Control(func(fd uintptr) {
		if q, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			n = q
		}
	})
	return n
}

// consume drops the first n bytes of v, and every slice that is empty then.
func consume(v *net.Buffers, n int) {
	for len(*v) > 0 {
		first := (*v)[0]
		if n < len(first) {
			(*v)[0] = first[n:]
			return
		}
		n -= len(first)
		(*v)[0] = nil
		*v = (*v)[1:]
	}
}

// sendSome reports whether the wait is over.
func (t *transfer) sendSome(fd uintptr) bool {
	for {
		t.n, t.err = unix.Writev(int(fd), t.v)
		if t.err != unix.EINTR {
			t.n = max(t.n, 0)
			return t.err != unix.EAGAIN
		}
	}
}

func (s *Socket) send(p []byte, flags int) (int, error) {
	if s.raw == nil || len(p) == 0 {
		return 0, nil
	}
	t := &s.out
	if t.now == nil {
		t.now = t.sendOnce
	}
	t.p, t.flags, t.n, t.err = p, flags, 0, nil
	if err := s.raw.Control(t.now); err != nil {
		return 0, err
	}
	t.p = nil
	return max(t.n, 0), t.err
}

// ReadLazily waits for bytes under the read deadline and reads them into b, of which it asks for
// room only when there may be some.
func (s *Socket) ReadLazily(b Buffer) (int, error) {
	if s.raw == nil {
		return s.nc.Read(b.Acquire())
	}
	t := &s.in
	if t.again == nil {
		t.again = t.receiveLazily
	}
	t.buffer = b
	waitErr := s.raw.Read(t.again)
	return received(t.n, t.err, waitErr)
}

// receiveLazily reports whether the wait is over.
func (t *transfer) receiveLazily(fd uintptr) bool {
	t.n, t.err = receiveFrom(fd, t.buffer.Acquire(), 0)
	if t.err == unix.EAGAIN {
		t.buffer.Release()
		return false
	}
	return true
}

// sendOnce takes the plain system call where it can: sendmsg costs more.
func (t *transfer) sendOnce(fd uintptr) {
	if t.flags == 0 {
		t.n, t.err = unix.Write(int(fd), t.p)
		return
	}
	t.n, t.err = unix.SendmsgN(int(fd), t.p, nil, nil, t.flags)
}

// receiveFrom takes the plain system call where it can, which does not make up an address for each
// answer.
func receiveFrom(fd uintptr, p []byte, flags int) (n int, err error) {
	for {
		if flags == 0 {
			n, err = unix.Read(int(fd), p)
		} else {
			n, _, err = unix.Recvfrom(int(fd), p, flags)
		}
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// Watch calls gone, once, when the peer has gone away, and returns what ends the watch and waits
// for that.
//
// A unix socket tells the peer's close from its half-close (socat and nc do that behind the
// request, and still want the answer). TCP does not: there a FIN means gone, as it does to
// net/http, because a web server whose client went away sends no more than that.
//
// The descriptor is a copy: the poller wakes each copy by itself, so that reading goes on beside
// this.
func (s *Socket) Watch(gone func()) (stop func()) {
	f := s.duplicate()
	if f == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		raw, err := f.SyscallConn()
		if err == nil && raw.Read(s.hasGone) == nil { // else f was closed
			gone()
		}
	}()
	return func() {
		f.Close()
		<-done
	}
}

func (s *Socket) duplicate() (f *os.File) {
	if s.raw == nil {
		return nil
	}
	s.raw.Control(func(fd uintptr) {
		if copied, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			f = os.NewFile(uintptr(copied), "connection")
		}
	})
	return f
}

// WaitGone waits until the peer has gone away, as Watch sees it, or, under the read deadline, until
// ready reports true: it is asked again when bytes come and when the deadline ends the wait, which
// is an error. It reads nothing, and nobody else must.
func (s *Socket) WaitGone(ready func() bool) (gone bool, err error) {
	if s.raw == nil {
		return false, errors.ErrUnsupported
	}
	err = s.raw.Read(func(fd uintptr) bool {
		if ready() {
			return true
		}
		gone = s.hasGone(fd)
		return gone
	})
	return gone, err
}

// hasGone asks the system. Input that nobody reads wakes its caller but once, since Go's poller is
// edge-triggered.
func (s *Socket) hasGone(fd uintptr) bool {
	signs := int16(unix.POLLHUP | unix.POLLERR)
	if !s.unix {
		signs |= unix.POLLRDHUP
	}
	set := []unix.PollFd{{Fd: int32(fd), Events: signs}}
	for {
		_, err := unix.Poll(set, 0)
		if !errors.Is(err, unix.EINTR) {
			return set[0].Revents&signs != 0
		}
	}
}
