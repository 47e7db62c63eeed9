//go:build unix && !linux

package child

import (
	"os"
	"syscall"
)

// killedByPipe reports whether SIGPIPE has ended a process.
func killedByPipe(s *os.ProcessState) bool {
	status, ok := s.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGPIPE
}
