//go:build !unix

package webserver

import (
	"errors"
	"os/exec"
	"time"
)

// process is never started on this system: findProgram finds no server.
type process struct {
	exited chan struct{}
	err    error
}

func findProgram(string) (string, error) {
	return "", errors.New("web servers are run on Unix only")
}

func startProcess(*exec.Cmd, string) (*process, error) { return nil, errors.ErrUnsupported }

func (p *process) pid() int { return 0 }

func (p *process) stop(time.Duration) error { return errors.ErrUnsupported }

func (p *process) groupLives() bool { return false }

func chownToWorkers(string) (userName, groupName string, err error) {
	return "", "", errors.ErrUnsupported
}

func sameOwner(a, b string) bool { return false }
