//go:build unix

package cgi

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// systemVariable names a variable that every program needs to start: none on Unix.
const systemVariable = ""

// executable reports whether any user may run the file. exec(2) checks whether the script's user
// may.
func executable(_ string, mode fs.FileMode) bool { return mode&0o111 != 0 }

// writersGone reports whether no process has the other end of a pipe open.
func writersGone(pipe *os.File) (gone bool) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return false
	}
	conn.Control(func(fd uintptr) {
		state := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, err := unix.Poll(state, 0)
		gone = err == nil && state[0].Revents&unix.POLLHUP != 0
	})
	return gone
}
