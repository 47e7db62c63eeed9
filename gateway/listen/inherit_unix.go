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

// firstFD is the first descriptor that systemd passes, SD_LISTEN_FDS_START of sd_listen_fds(3).
const firstFD = 3

// listenFD makes a listener of a listening socket that the parent process opened (FastCGI section
// 2.2), and replaces the descriptor by /dev/null.
func listenFD(fd int) (net.Listener, error) {
	if err := checkListening(fd); err != nil {
		return nil, err
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFD)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(dup), "fd "+strconv.Itoa(fd))
	defer file.Close() // the listener has its own copy
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	if err := replaceByNull(fd); err != nil {
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
	case err == unix.ENOPROTOOPT: // the system cannot tell: accept fails if the socket does not listen
		return nil
	case err != nil:
		return os.NewSyscallError("getsockopt", err)
	case listening == 0:
		return fmt.Errorf("descriptor %d is a socket that does not listen", fd)
	}
	return nil
}

// replaceByNull closes a descriptor and opens /dev/null in its place, in one step.
func replaceByNull(fd int) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	if err := dupOver(int(null.Fd()), fd); err != nil {
		return os.NewSyscallError("dup", err)
	}
	if fd >= firstFD { // standard streams stay open across exec
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

// systemdFD returns the descriptor of the socket that systemd calls name. If there is none, name is
// taken as an index. "" means the only socket. A name that several sockets have is an error. pid is
// the id of this process.
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
		return 0, fmt.Errorf("systemd passed no socket of that name, only %q", names)
	}
	return fd, nil
}

// systemdNames returns the names of the sockets passed to this process, in the order of their
// descriptors. Without LISTEN_FDNAMES all are named "unknown", as sd_listen_fds_with_names(3) does
// it.
func systemdNames(pid int, getenv func(string) string) ([]string, error) {
	const mostFDs = 1024 // far more than any unit has, and bounds the list of names
	count, err := strconv.ParseUint(getenv("LISTEN_FDS"), 10, 31)
	switch {
	case getenv("LISTEN_FDS") == "" || getenv("LISTEN_PID") == "":
		return nil, errors.New("systemd passed no sockets: LISTEN_PID or LISTEN_FDS is not set")
	case getenv("LISTEN_PID") != strconv.Itoa(pid):
		return nil, fmt.Errorf("systemd passed the sockets to process %q, and this is %d (see LISTEN_PID)", getenv("LISTEN_PID"), pid)
	case err != nil || count == 0 || count > mostFDs:
		return nil, fmt.Errorf("LISTEN_FDS is %q: want a number from 1 to %d", getenv("LISTEN_FDS"), mostFDs)
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
