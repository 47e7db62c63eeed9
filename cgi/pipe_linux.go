package cgi

import (
	"os"

	"golang.org/x/sys/unix"
)

// newPipe is os.Pipe for two processes: only our end is made known to the runtime's poller, and
// only it does not block. ours is 0 for the end to read from and 1 for the one to write to.
func newPipe(ours int) (our, their *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	their = os.NewFile(uintptr(fds[1-ours]), "|1")
	err = unix.SetNonblock(fds[ours], true)
	return os.NewFile(uintptr(fds[ours]), "|0"), their, err
}
