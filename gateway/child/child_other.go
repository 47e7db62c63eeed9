//go:build !linux

package child

import (
	"errors"
	"os"
)

// Child is a process.
type Child struct {
	PID     int
	process *os.Process
	state   *os.ProcessState
}

// KeepsNumber tells that a child that has ended does not keep its process id.
const KeepsNumber = false

// Start starts the program, on Unix as the leader of a process group. DieWithParent has no effect
// on these systems.
func Start(c Command) (*Child, error) {
	if c.Limits != (Limits{}) {
		return nil, errors.New("this system cannot bound another process")
	}
	attr, err := attributes(c.RunAs)
	if err != nil {
		return nil, err
	}
	p, err := os.StartProcess(c.Path, c.Args, &os.ProcAttr{Dir: c.Dir, Env: c.Env, Files: c.Files, Sys: attr})
	if err != nil {
		return nil, err
	}
	return &Child{PID: p.Pid, process: p}, nil
}

// Await waits until the process has ended, and frees its process id, which another group may get.
// So the group is signalled at once after that, before the id is used again, or not at all.
func (c *Child) Await() { c.state, _ = c.process.Wait() }

// Inspect reports false: these systems do not tell it.
func (c *Child) Inspect() (exiting, runnable bool) { return false, false }

// Reap returns how the process ended, or nil if the system has lost that.
func (c *Child) Reap() *Exit {
	if c.state == nil {
		return nil
	}
	return &Exit{c.state.ExitCode(), c.state.String(), killedByPipe(c.state)}
}
