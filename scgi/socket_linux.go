package scgi

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket is what Linux can do with a connection beyond net.Conn. Its zero value, for a net.Conn that is no socket, can do
// nothing.
type socket struct {
	raw  syscall.RawConn
	unix bool
}

func newSocket(c net.Conn) socket {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return socket{}
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return socket{}
	}
	_, isUnix := c.(*net.UnixConn)
	return socket{raw: raw, unix: isUnix}
}

// resetsByUnread says that closing this connection resets it only if input is unread. A TCP connection has SO_LINGER.
func (s socket) resetsByUnread() bool { return s.unix }

// peek waits for bytes under the read deadline and leaves them where they are.
func (s socket) peek(p []byte) (int, error) {
	n, err := 0, error(nil)
	waitErr := s.raw.Read(func(fd uintptr) bool {
		n, err = receive(fd, p, unix.MSG_PEEK)
		return err != unix.EAGAIN
	})
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

// readNow, peekNow and writeNow do what can be done without waiting, whatever the deadlines are, and return how many bytes
// that was. What stands in the way they leave for the call that waits to find.
func (s socket) readNow(p []byte) (n int) {
	s.control(func(fd uintptr) { n, _ = receive(fd, p, 0) })
	return n
}

func (s socket) peekNow(p []byte) (n int) {
	s.control(func(fd uintptr) { n, _ = receive(fd, p, unix.MSG_PEEK) })
	return n
}

func (s socket) writeNow(p []byte) (n int) {
	s.control(func(fd uintptr) { n, _ = unix.Write(int(fd), p) })
	return max(n, 0)
}

// control calls f if there is a socket, and if it is still open. Its descriptor is in non-blocking mode, as Go's are.
func (s socket) control(f func(fd uintptr)) {
	if s.raw != nil {
		s.raw.Control(f)
	}
}

func receive(fd uintptr, p []byte, flags int) (int, error) {
	for {
		n, _, err := unix.Recvfrom(int(fd), p, flags)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// watch calls gone, once, when the peer has gone away, and returns what ends the watch and waits for that.
//
// A unix socket tells the peer's close from its half-close (socat and nc do that behind the request, and still want the
// answer). TCP does not: there a FIN means gone, as it does to net/http, because a web server whose client went away sends no
// more than that.
//
// The descriptor is a copy: the poller wakes each copy by itself, so that reading the body goes on beside this.
func (s socket) watch(gone func()) (stop func()) {
	f := s.duplicate()
	if f == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.waitGone(f) {
			gone()
		}
	}()
	return func() {
		f.Close()
		<-done
	}
}

func (s socket) duplicate() (f *os.File) {
	s.control(func(fd uintptr) {
		if copied, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			f = os.NewFile(uintptr(copied), "scgi connection")
		}
	})
	return f
}

// waitGone returns false when f was closed. Input that nobody reads wakes it but once, since Go's poller is edge-triggered.
func (s socket) waitGone(f *os.File) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	signs := int16(unix.POLLHUP | unix.POLLERR)
	if !s.unix {
		signs |= unix.POLLRDHUP
	}
	err = raw.Read(func(fd uintptr) bool {
		set := []unix.PollFd{{Fd: int32(fd), Events: signs}}
		for {
			_, err := unix.Poll(set, 0)
			if !errors.Is(err, unix.EINTR) {
				return set[0].Revents&signs != 0
			}
		}
	})
	return err == nil
}
