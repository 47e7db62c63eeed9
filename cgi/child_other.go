//go:build !linux

package cgi

import "os"

// child is a process.
type child struct {
	pid     int
	process *os.Process
	state   *os.ProcessState
}

// keepsNumber tells that a child that has ended does not keep its process id.
const keepsNumber = false

// startChild starts the program. The first of args is its name.
func startChild(c command, args []string, files []*os.File, as *Credential) (*child, error) {
	attr, err := attributes(as)
	if err != nil {
		return nil, err
	}
	p, err := os.StartProcess(c.path, args, &os.ProcAttr{Dir: c.dir, Env: c.env, Files: files, Sys: attr})
	if err != nil {
		return nil, err
	}
	return &child{pid: p.Pid, process: p}, nil
}

// await waits until the script has ended, and frees its process id, which another group may get. So
// the group is signalled at once after that, before the id is used again, or not at all.
func (c *child) await() { c.state, _ = c.process.Wait() }

// inspect reports false: these systems do not tell it.
func (c *child) inspect() (exiting, runnable bool) { return false, false }

// reap returns how the script ended, or nil if the system has lost that.
func (c *child) reap() *exitState {
	if c.state == nil {
		return nil
	}
	return &exitState{c.state.ExitCode(), c.state.String(), killedByPipe(c.state)}
}
