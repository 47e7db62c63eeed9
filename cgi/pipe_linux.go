package cgi

import (
	"os"

	"golang.org/x/sys/unix"
)

// newPipe makes a pipe to another process. Unlike os.Pipe, it registers only our end with the
// runtime's poller, and only our end is non-blocking. ours is 0 for the end to read from, and 1 for
// the end to write to.
func newPipe(ours int) (our, their *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	their = os.NewFile(uintptr(fds[1-ours]), "|1")
	err = unix.SetNonblock(fds[ours], true)
	return os.NewFile(uintptr(fds[ours]), "|0"), their, err
}
