//go:build unix && !linux

package cgi

import (
	"os"
	"syscall"
)

// endedByPipe reports whether a process was ended by SIGPIPE.
func endedByPipe(s *os.ProcessState) bool {
	status, ok := s.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGPIPE
}
