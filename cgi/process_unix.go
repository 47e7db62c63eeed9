//go:build unix

package cgi

import (
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// systemVariable names a variable that every program needs to start: none on Unix.
const systemVariable = ""

// attributes makes the script the leader of a process group, which can be signalled, and sets its
// user.
func attributes(c *Credential) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if c != nil {
		attr.Credential = &syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
	}
	return attr, nil
}

// terminate sends SIGTERM to the group, and reports whether it could.
func (c *child) terminate() bool { return syscall.Kill(-c.pid, syscall.SIGTERM) == nil }

// kill sends SIGKILL to the group. It has no effect on an empty group.
func (c *child) kill() { syscall.Kill(-c.pid, syscall.SIGKILL) }

// executable reports whether any user may run the file. exec(2) checks whether the script's user
// may.
func executable(_ string, mode fs.FileMode) bool { return mode&0o111 != 0 }

// closeInherited prevents that scripts inherit the descriptors with which this process was started.
// Go marks the descriptors that it opens itself as close-on-exec, but not these. /dev/fd lists them
// on Linux, on macOS and on BSDs that have fdescfs mounted; on other systems it lists none above 2.
// The error is a temporary shortage of descriptors.
func closeInherited() error {
	entries, err := os.ReadDir("/dev/fd")
	if isShortage(err) {
		return fmt.Errorf("cgi: %w", err)
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// catchIgnored sets a handler that does nothing for each signal that this process ignores, as under
// nohup. The signals still have no effect on this process. But a started program inherits ignored
// signals, while a signal with a handler has its default effect there.
func catchIgnored() {
	for n := syscall.Signal(1); n < 32; n++ {
		if signal.Ignored(n) {
			signal.Notify(make(chan os.Signal, 1), n)
		}
	}
}

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
