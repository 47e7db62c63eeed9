package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// initRaw sets raw if the connection has a descriptor.
func (s *Socket) initRaw() {
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

// ResetsByUnread reports whether only unread input makes the close of this connection a reset. That
// holds for a unix socket; a TCP connection has SO_LINGER.
func (s *Socket) ResetsByUnread() bool { return s.unix && s.raw != nil }

// Peek waits for bytes under the read deadline and copies them to p, but leaves them in the system.
// It works at least where ResetsByUnread returns true.
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

// ReadNow, PeekNow and WriteNow transfer what they can without waiting, whatever the deadlines are,
// and return the number of bytes. They return no error: the next call that waits returns it.
func (s *Socket) ReadNow(p []byte) int { return s.receiveNow(p, 0) }

// PeekNow is ReadNow, but leaves the bytes in the system.
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

// readBothNow is ReadNow into p and, if that is full, into q.
func (s *Socket) readBothNow(p, q []byte) int {
	if s.raw == nil || len(p) == 0 {
		return 0
	}
	t := &s.in
	if t.both == nil {
		t.both = t.receiveBoth
	}
	t.pair, t.n = [2][]byte{p, q}, 0
	s.raw.Control(t.both)
	t.pair = [2][]byte{}
	return max(t.n, 0)
}

func (t *transfer) receiveBoth(fd uintptr) {
	for {
		if t.n, t.err = unix.Readv(int(fd), t.pair[:]); t.err != unix.EINTR {
			return
		}
	}
}

// WriteNow is described at ReadNow.
func (s *Socket) WriteNow(p []byte) int {
	n, _ := s.send(p, 0)
	return n
}

// WriteMoreNow is WriteNow for bytes that more will follow at once. Over TCP it sets MSG_MORE, so
// that p need not be a packet of its own. A unix socket has no packets.
func (s *Socket) WriteMoreNow(p []byte) int {
	flags := unix.MSG_MORE
	if s.unix {
		flags = 0
	}
	n, _ := s.send(p, flags)
	return n
}

// writeSome waits under the write deadline until the system takes some bytes of v, and removes
// those from v.
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

// queued returns how many written bytes the peer has not read, or -1 if the system does not tell.
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

// consume removes the first n bytes of v, and every slice that is then empty.
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

// sendSome writes some of v, and reports whether the wait is over.
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

// ReadLazily waits for bytes under the read deadline and reads them into b. It acquires memory from
// b only when there may be bytes to read.
func (s *Socket) ReadLazily(b Buffer) (int, error) {
	if s.raw == nil {
		b.Release()
		return s.nc.Read(b.Acquire())
	}
	t := &s.in
	if t.lazy == nil {
		t.lazy = t.receiveLazily
	}
	t.buffer = b
	waitErr := s.raw.Read(t.lazy)
	return received(t.n, t.err, waitErr)
}

// receiveLazily reads into t.buffer, and reports whether the wait is over.
func (t *transfer) receiveLazily(fd uintptr) bool {
	t.n, t.err = receiveFrom(fd, t.buffer.Acquire(), 0)
	if t.err == unix.EAGAIN {
		t.buffer.Release()
		return false
	}
	return true
}

// sendOnce uses write(2) if there are no flags, since sendmsg(2) costs more.
func (t *transfer) sendOnce(fd uintptr) {
	if t.flags == 0 {
		t.n, t.err = unix.Write(int(fd), t.p)
		return
	}
	t.n, t.err = unix.SendmsgN(int(fd), t.p, nil, nil, t.flags)
}

// receiveFrom uses read(2) if there are no flags.
func receiveFrom(fd uintptr, p []byte, flags int) (n int, err error) {
	for {
		if flags == 0 {
			n, err = unix.Read(int(fd), p)
		} else {
			n, err = receive(fd, p, flags)
		}
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// Watch calls gone once when the peer has closed the connection. stop ends the watch and waits for
// its end.
//
// A unix socket distinguishes the peer's close from its half-close. (socat and nc half-close after
// the request and still read the answer.) TCP does not: there, a FIN counts as a close, as in
// net/http, because a web server whose client went away sends nothing else.
//
// Watch uses a copy of the descriptor. The poller wakes each copy separately, so that reading can
// go on at the same time.
func (s *Socket) Watch(gone func()) (stop func()) {
	f := s.duplicate()
	if f == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		raw, err := f.SyscallConn()
		if err == nil && raw.Read(s.hasGone) == nil { // an error means that stop closed f
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

// WaitGone waits under the read deadline until the peer has closed the connection, as Watch defines
// it, or until ready returns true. ready is called at first and each time bytes arrive. The end of
// the deadline is an error. WaitGone reads nothing, and no other goroutine may read meanwhile.
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

// hasGone reports whether the peer has closed the connection. Unread input wakes its caller only
// once, since Go's poller is edge-triggered.
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

// receive is unix.Recvfrom without the address of the sender, for which that allocates in each
// call. p is not empty.
func receive(fd uintptr, p []byte, flags int) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), uintptr(flags), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
