//go:build unix

package cgi

import (
	"os"

	"golang.org/x/sys/unix"
)

// claim returns a copy of the file descriptor under a number from 3 up, closed in child processes.
// A write to a closed pipe ends the process by SIGPIPE when it goes through an *os.File on
// descriptor 1 or 2; elsewhere it is EPIPE, an error like others.
func claim(fd int, standard *os.File) (*os.File, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(dup), standard.Name()), nil
}
