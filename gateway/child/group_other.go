//go:build !unix

package child

import (
	"errors"
	"os"
	"syscall"
)

// attributes returns nil: the system has no process groups.
func attributes(c *Credential) (*syscall.SysProcAttr, error) {
	if c != nil {
		return nil, errors.New("this system cannot run a program as another user")
	}
	return nil, nil
}

// Signal reports false: the system has no signals.
func (c *Child) Signal(os.Signal) bool { return false }

// Kill ends the process, but not the processes that it has started.
func (c *Child) Kill() { c.process.Kill() }

// CloseInherited does nothing: a program inherits only the handles that are passed to it.
func CloseInherited() error { return nil }

// CatchIgnored does nothing: the system has no signals.
func CatchIgnored() {}

// killedByPipe reports false: the system has no signals.
func killedByPipe(*os.ProcessState) bool { return false }
