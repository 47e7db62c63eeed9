//go:build !unix

package webserver

import (
	"errors"
	"os/exec"
	"time"
)

// process stands for what this system does not have: lookPath finds no server, so that none is ever
// started.
type process struct {
	exited chan struct{}
	err    error
}

func lookPath(string) (string, error) {
	return "", errors.New("web servers are run on Unix only")
}

func startProcess(*exec.Cmd, string) (*process, error) { return nil, errors.ErrUnsupported }

func (p *process) pid() int { return 0 }

func (p *process) stop(time.Duration) error { return errors.ErrUnsupported }

func (p *process) groupLives() bool { return false }

func giveAway(string) (userName, groupName string, err error) { return "", "", errors.ErrUnsupported }

func sameOwner(a, b string) bool { return false }
