//go:build unix && !linux

package webserver

import (
	"errors"
	"syscall"
)

// groupLives reports whether any process of the group is left: the server itself, or a child.
func (p *process) groupLives() bool {
	return !errors.Is(syscall.Kill(-p.pid(), 0), syscall.ESRCH)
}
