//go:build !linux

package cgi

import "os"

// child is a process.
type child struct {
	pid     int
	process *os.Process
	state   *os.ProcessState
}

// keepsNumber says that a child that has ended does not keep its number.
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

// await waits until the script has ended, and frees its number, which another group may get: the
// group is signalled at once then, before numbers are given out again, or not at all.
func (c *child) await() { c.state, _ = c.process.Wait() }

// look reports false: what a process is about to do is not told here.
func (c *child) look() (exiting, runnable bool) { return false, false }

// reap tells how the script ended, nil where the system lost that.
func (c *child) reap() *ending {
	if c.state == nil {
		return nil
	}
	return &ending{c.state.ExitCode(), c.state.String(), endedByPipe(c.state)}
}
