//go:build unix

package cgi

import (
	"os"

	"golang.org/x/sys/unix"
)

// duplicate returns a copy of the file descriptor with a number of at least 3 that child processes
// do not inherit. A write to a closed pipe through an *os.File on descriptor 1 or 2 ends the
// process by SIGPIPE; on other descriptors it returns the error EPIPE.
func duplicate(fd int, standard *os.File) (*os.File, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(dup), standard.Name()), nil
}
