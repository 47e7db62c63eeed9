//go:build unix

package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstFD is where systemd's sockets begin, SD_LISTEN_FDS_START of sd_listen_fds(3).
const firstFD = 3

// listenFD takes over a listening socket that the parent process opened (FastCGI section 2.2).
func listenFD(fd int) (net.Listener, error) {
	if err := checkListening(fd); err != nil {
		return nil, err
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFD)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(dup), "fd "+strconv.Itoa(fd))
	defer file.Close() // the listener makes one more copy
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	if err := plug(fd); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func checkListening(fd int) error {
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	switch {
	case err == unix.EBADF:
		return fmt.Errorf("descriptor %d is not open", fd)
	case err == unix.ENOTSOCK:
		return fmt.Errorf("descriptor %d is not a socket", fd)
	case err == unix.ENOPROTOOPT: // a system that does not tell; accept will
		return nil
	case err != nil:
		return os.NewSyscallError("getsockopt", err)
	case listening == 0:
		return fmt.Errorf("descriptor %d is a socket that does not listen", fd)
	}
	return nil
}

// plug closes a descriptor by opening /dev/null in its place, in one step.
func plug(fd int) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	if err := dupOver(int(null.Fd()), fd); err != nil {
		return os.NewSyscallError("dup", err)
	}
	if fd >= firstFD { // standard streams stay open in a program that replaces this one
		unix.CloseOnExec(fd)
	}
	return nil
}

func listenSystemd(name string) (net.Listener, error) {
	fd, err := systemdFD(name, os.Getpid(), os.Getenv)
	if err != nil {
		return nil, err
	}
	return listenFD(fd)
}

// systemdFD finds the socket that systemd calls name, or that has it as its index, or, for "", the
// only one; pid is this process's. A name comes before an index, and one that several sockets have
// stands for none of them.
func systemdFD(name string, pid int, getenv func(string) string) (int, error) {
	names, err := systemdNames(pid, getenv)
	if err != nil {
		return 0, err
	}
	if name == "" {
		if len(names) != 1 {
			return 0, fmt.Errorf("systemd passed %d sockets: name one of %q", len(names), names)
		}
		return firstFD, nil
	}
	fd, count := 0, 0
	for i, n := range names {
		if n == name {
			fd, count = firstFD+i, count+1
		}
	}
	if count > 1 {
		return 0, fmt.Errorf("systemd passed %d sockets of that name: give an index from 0 to %d", count, len(names)-1)
	}
	if i, err := strconv.ParseUint(name, 10, 31); count == 0 && err == nil && int(i) < len(names) {
		fd, count = firstFD+int(i), 1
	}
	if count == 0 {
		return 0, fmt.Errorf("systemd passed no such socket, but %q", names)
	}
	return fd, nil
}

// systemdNames returns the names of the sockets passed to this process, in the order of their
// descriptors. There may be no names: then all are "unknown", as sd_listen_fds_with_names(3) has
// it.
func systemdNames(pid int, getenv func(string) string) ([]string, error) {
	const mostFDs = 1024 // far above any unit's, and below what would make a large list of nothing
	count, err := strconv.ParseUint(getenv("LISTEN_FDS"), 10, 31)
	switch {
	case getenv("LISTEN_FDS") == "" || getenv("LISTEN_PID") == "":
		return nil, errors.New("systemd passed no sockets: LISTEN_PID or LISTEN_FDS is not set")
	case getenv("LISTEN_PID") != strconv.Itoa(pid):
		return nil, fmt.Errorf("the sockets are for process %q, and this is %d: see LISTEN_PID", getenv("LISTEN_PID"), pid)
	case err != nil || count == 0 || count > mostFDs:
		return nil, fmt.Errorf("the number of sockets in LISTEN_FDS is %q", getenv("LISTEN_FDS"))
	}
	list := getenv("LISTEN_FDNAMES")
	if list == "" {
		list = strings.Repeat("unknown:", int(count)-1) + "unknown"
	}
	names := strings.Split(list, ":")
	if len(names) != int(count) {
		return nil, fmt.Errorf("LISTEN_FDNAMES has %d names for %d sockets", len(names), count)
	}
	return names, nil
}
