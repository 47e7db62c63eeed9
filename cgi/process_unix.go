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

// systemVariable names what programs cannot start without.
const systemVariable = ""

// attributes has the script lead a process group, which is what is signalled, and run as that user.
func attributes(c *Credential) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if c != nil {
		attr.Credential = &syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
	}
	return attr, nil
}

// terminate asks the group to end, and reports whether it can be asked.
func (c *child) terminate() bool { return syscall.Kill(-c.pid, syscall.SIGTERM) == nil }

// kill ends the group. It fails where nobody is left in it.
func (c *child) kill() { syscall.Kill(-c.pid, syscall.SIGKILL) }

// executable reports whether anybody may run the file. Whether the script's user may, exec(2)
// tells.
func executable(_ string, mode fs.FileMode) bool { return mode&0o111 != 0 }

// closeInherited keeps the descriptors from scripts that this process was started with: Go closes
// its own in them, and these only when told to. /dev/fd lists them on Linux, macOS and the BSDs
// that have fdescfs mounted; elsewhere it lists none above 2. The error is a shortage of
// descriptors, which may pass.
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

// catchIgnored gives each signal that this process ignores, as nohup has it, a handler that does
// nothing. For this process that is the same; but only signals with a handler have their default
// effect in a program that is started.
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
