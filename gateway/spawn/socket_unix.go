//go:build unix

package spawn

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// socketOf returns a copy of the listener's descriptor, in blocking mode: programs that wait in
// accept(2) take its EAGAIN for a failure. The workers share the mode, and one in Go changes it for
// all. So it is set before the copy, whose Fd does not set it again at each start.
func socketOf(l net.Listener) (*os.File, error) {
	f, ok := l.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("spawn: a %T has no descriptor for the workers", l)
	}
	file, err := f.File()
	if err != nil {
		return nil, fmt.Errorf("spawn: %w", err)
	}
	defer file.Close()
	if err := syscall.SetNonblock(int(file.Fd()), false); err != nil {
		return nil, fmt.Errorf("spawn: %w", os.NewSyscallError("fcntl", err))
	}
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("spawn: %w", os.NewSyscallError("fcntl", err))
	}
	if err := detach(l); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("spawn: %w", err)
	}
	return os.NewFile(uintptr(fd), "listening socket"), nil
}

// detach closes the listener: the poller of this process would wake for each connection that a
// worker accepts.
func detach(l net.Listener) error {
	if d, ok := l.(interface{ Detach() error }); ok { // of package listen: it has a file to remove
		return d.Detach()
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return l.Close()
}
