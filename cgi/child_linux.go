package cgi

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// child is a process, and the descriptor that becomes readable when it ends. os.Process waits in a
// system call instead, which costs a thread for each running script, and wakes the scheduler every
// 20 microseconds meanwhile.
type child struct {
	pid   int
	pidfd *os.File // nil before Linux 5.3
}

// keepsNumber tells that a child that has ended keeps its process id until reap, so that its group
// can still be signalled.
const keepsNumber = true

// startChild starts the program. The first of args is its name.
func startChild(c command, args []string, files []*os.File, as *Credential) (*child, error) {
	pidfd := -1
	attr, err := attributes(as)
	if err != nil {
		return nil, err
	}
	attr.PidFD = &pidfd
	fds := make([]uintptr, len(files))
	for i, f := range files {
		fds[i] = f.Fd()
	}
	pid, err := syscall.ForkExec(c.path, args, &syscall.ProcAttr{Dir: c.dir, Env: c.env, Files: fds, Sys: attr})
	if err != nil {
		return nil, &os.PathError{Op: "fork/exec", Path: c.path, Err: err}
	}
	ch := &child{pid: pid}
	// a blocking descriptor cannot be polled by the runtime
	if pidfd >= 0 && unix.SetNonblock(pidfd, true) == nil {
		ch.pidfd = os.NewFile(uintptr(pidfd), "pidfd")
	}
	return ch, nil
}

// await waits until the script has ended and leaves it a zombie. While it is a zombie, no other
// group can get its process id.
func (c *child) await() {
	if c.pidfd != nil {
		if conn, err := c.pidfd.SyscallConn(); err == nil && conn.Read(func(uintptr) bool { return c.exited(unix.WNOHANG) }) == nil {
			return
		}
	}
	c.exited(0)
}

// exited reports whether the script has ended. Without WNOHANG it waits for the end.
func (c *child) exited(options int) bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, c.pid, &info, unix.WEXITED|unix.WNOWAIT|options, nil)
		if err != unix.EINTR {
			return err != nil || info.Signo != 0
		}
	}
}

// inspect reports whether the script is about to end, which a busy machine may delay. exiting: the
// kernel has begun to end it; the kernel closes the files of a process before it notifies the
// parent. runnable: the script waits only for a processor.
func (c *child) inspect() (exiting, runnable bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.pid))
	if err != nil {
		return false, false
	}
	// The second field is the program's name in parentheses, which may contain any byte. The state
	// (field 3) and the flags (field 9) follow it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 7 {
		return false, false
	}
	flags, _ := strconv.ParseUint(fields[6], 10, 64)
	return flags&flagExiting != 0, fields[0] == "R"
}

// flagExiting is PF_EXITING of the kernel's include/linux/sched.h.
const flagExiting = 0x4

// reap frees the process id, after await. It returns nil if the system has lost the exit status, as
// it does when SIGCHLD is ignored.
func (c *child) reap() *exitState {
	c.pidfd.Close()
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(c.pid, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return nil
		case status.Signaled():
			return &exitState{unknownStatus, "signal: " + status.Signal().String(), status.Signal() == unix.SIGPIPE}
		default:
			return &exitState{status: status.ExitStatus(), text: fmt.Sprint("exit status ", status.ExitStatus())}
		}
	}
}
