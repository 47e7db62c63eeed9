//go:build unix

package cgi

import (
	"os/exec"
	"syscall"
)

// inGroup makes the process lead a group of its own, and its context's end kill that group.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
