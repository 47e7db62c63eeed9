package child

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Child is a process, and the descriptor that becomes readable when it ends. os.Process waits in a
// system call instead, which costs a thread for each running script, and wakes the scheduler every
// 20 microseconds meanwhile.
type Child struct {
	PID   int
	pidfd *os.File // nil before Linux 5.3
}

// KeepsNumber tells that a child that has ended keeps its process id until Reap, so that its group
// can still be signalled.
const KeepsNumber = true

// Start starts the program as the leader of a process group.
func Start(c Command) (*Child, error) {
	pidfd := -1
	attr, err := attributes(c.RunAs)
	if err != nil {
		return nil, err
	}
	attr.PidFD = &pidfd
	if c.DieWithParent {
		attr.Pdeathsig = unix.SIGKILL
	}
	fds := make([]uintptr, len(c.Files))
	for i, f := range c.Files {
		fds[i] = f.Fd()
	}
	pid, err := start(c.Path, c.Args, &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Files: fds, Sys: attr}, c.Limits)
	ch := &Child{PID: pid}
	// a blocking descriptor cannot be polled by the runtime
	if pidfd >= 0 && unix.SetNonblock(pidfd, true) == nil {
		ch.pidfd = os.NewFile(uintptr(pidfd), "pidfd")
	}
	if err != nil {
		ch.pidfd.Close()
		return nil, err
	}
	return ch, nil
}

func start(path string, args []string, attr *syscall.ProcAttr, l Limits) (pid int, err error) {
	if l == (Limits{}) {
		return forkExec(path, args, attr)
	}
	return startLimited(path, args, attr, l)
}

func forkExec(path string, args []string, attr *syscall.ProcAttr) (pid int, err error) {
	pid, err = syscall.ForkExec(path, args, attr)
	if err != nil {
		return 0, &os.PathError{Op: "fork/exec", Path: path, Err: err}
	}
	return pid, nil
}

// Await waits until the process has ended and leaves it a zombie. While it is a zombie, no other
// group can get its process id.
func (c *Child) Await() {
	if c.pidfd != nil {
		if conn, err := c.pidfd.SyscallConn(); err == nil && conn.Read(func(uintptr) bool { return c.exited(unix.WNOHANG) }) == nil {
			return
		}
	}
	c.exited(0)
}

// exited reports whether the process has ended. Without WNOHANG it waits for the end.
func (c *Child) exited(options int) bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, c.PID, &info, unix.WEXITED|unix.WNOWAIT|options, nil)
		if err != unix.EINTR {
			return err != nil || info.Signo != 0
		}
	}
}

// Inspect reports whether the process is about to end, which a busy machine may delay. exiting: the
// kernel has begun to end it; the kernel closes the files of a process before it notifies the
// parent. runnable: the process waits only for a processor.
func (c *Child) Inspect() (exiting, runnable bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.PID))
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

// Reap frees the process id, after Await. It returns nil if the system has lost the exit status, as
// it does when SIGCHLD is ignored.
func (c *Child) Reap() *Exit {
	c.pidfd.Close()
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(c.PID, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return nil
		case status.Signaled():
			return &Exit{UnknownStatus, "signal: " + status.Signal().String(), status.Signal() == unix.SIGPIPE}
		default:
			return &Exit{Status: status.ExitStatus(), Text: fmt.Sprint("exit status ", status.ExitStatus())}
		}
	}
}
