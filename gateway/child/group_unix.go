//go:build unix

package child

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// attributes makes the process the leader of a process group, which can be signalled, and sets its
// user.
func attributes(c *Credential) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if c != nil {
		attr.Credential = &syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
	}
	return attr, nil
}

// Signal sends a signal to the group, and reports whether it could.
func (c *Child) Signal(s os.Signal) bool {
	n, ok := s.(syscall.Signal)
	return ok && syscall.Kill(-c.PID, n) == nil
}

// Kill sends SIGKILL to the group. It has no effect on an empty group.
func (c *Child) Kill() { syscall.Kill(-c.PID, syscall.SIGKILL) }

// CloseInherited prevents that started programs inherit the descriptors with which this process was
// started. Go marks the descriptors that it opens itself as close-on-exec, but not these. /dev/fd
// lists them on Linux, on macOS and on BSDs that have fdescfs mounted; on other systems it lists
// none above 2. The error is a temporary shortage of descriptors.
func CloseInherited() error {
	entries, err := os.ReadDir("/dev/fd")
	if IsShortage(err) {
		return fmt.Errorf("list of descriptors: %w", err)
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// CatchIgnored sets a handler that does nothing for each signal that this process ignores, as under
// nohup. The signals still have no effect on this process. But a started program inherits ignored
// signals, while a signal with a handler has its default effect there.
func CatchIgnored() {
	for n := syscall.Signal(1); n < 32; n++ {
		if signal.Ignored(n) {
			signal.Notify(make(chan os.Signal, 1), n)
		}
	}
}
