package child

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// startLimited starts the program with limits. The system stops a traced process before its first
// instruction, and this process sets the limits then. Otherwise the program could open files and
// start other processes before it is bounded.
func startLimited(path string, args []string, attr *syscall.ProcAttr, l Limits) (pid int, err error) {
	if !mayNotTrace.Load() && !gainsRights(path) {
		pid, err = startTraced(path, args, attr, l)
		if err != errNotTraced {
			return pid, err
		}
	}
	if pid, err = forkExec(path, args, attr); err != nil {
		return 0, err
	}
	return pid, killUnless(pid, l.applyAs(attr.Sys.Credential, pid))
}

// mayNotTrace is set when the system refuses to trace a process, or ends one that asks for it, as
// seccomp(2) does in a service with SystemCallFilter=@system-service.
var mayNotTrace atomic.Bool

var errNotTraced = errors.New("child: the process is not traced")

// startTraced starts the program, and lets it run when it has its limits. A process belongs to the
// thread that traces it. The error is errNotTraced if the system may have refused the trace.
func startTraced(path string, args []string, attr *syscall.ProcAttr, l Limits) (pid int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	attr.Sys.Ptrace = true
	defer func() { attr.Sys.Ptrace = false }()
	pid, err = forkExec(path, args, attr)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOSYS): // by ptrace or by exec
		return 0, errNotTraced
	case err != nil:
		return 0, err
	case !awaitStop(pid):
		mayNotTrace.Store(kill(pid) == unix.SIGSYS)
		unix.Close(*attr.Sys.PidFD)
		*attr.Sys.PidFD = -1
		return 0, errNotTraced
	}
	if err = l.applyAs(attr.Sys.Credential, pid); err != nil {
		return pid, killUnless(pid, err) // before it has run
	}
	err = syscall.PtraceDetach(pid)
	if err == unix.ESRCH { // it was killed
		err = nil
	}
	return pid, killUnless(pid, os.NewSyscallError("ptrace", err))
}

// awaitStop waits until the process has stopped or ended, and leaves it in that state. It reports
// whether it has stopped.
func awaitStop(pid int) bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil && info.Code == codeTrapped
		}
	}
}

// codeTrapped is CLD_TRAPPED of the kernel's include/uapi/asm-generic/siginfo.h.
const codeTrapped = 4

// killUnless ends a process that cannot have its limits, and returns err.
func killUnless(pid int, err error) error {
	if err != nil {
		kill(pid)
	}
	return err
}

// kill ends the process, and returns the signal that has ended it.
func kill(pid int) syscall.Signal {
	_ = unix.Kill(pid, unix.SIGKILL)
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err != unix.EINTR && !status.Stopped() {
			return status.Signal()
		}
	}
}

// gainsRights reports whether the program gets the rights of another user by its file. The system
// does not give these to a traced process.
func gainsRights(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	n, err := unix.Getxattr(path, "security.capability", nil)
	return info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 || err == nil && n > 0
}

// applyAs sets the limits of a process of that user. Prlimit(2) allows that to a process with the
// same real user and group, and to one with CAP_SYS_RESOURCE, which root in a container does not
// have. Only if it is refused, this thread gets that real user meanwhile: with it, that user may
// signal this process. Its effective user stays.
func (l Limits) applyAs(c *syscall.Credential, pid int) error {
	if err := l.apply(pid); c == nil || !errors.Is(err, unix.EPERM) {
		return err
	}
	runtime.LockOSThread()
	uid, gid := unix.Getuid(), unix.Getgid()
	err := setRealUser(c.Uid, c.Gid)
	if err == nil {
		err = l.apply(pid)
	}
	if restored := setRealUser(uint32(uid), uint32(gid)); restored != nil {
		return restored // the thread stays locked, so that no other goroutine gets it
	}
	runtime.UnlockOSThread()
	return err
}

// setRealUser sets the real user and group of this thread alone.
func setRealUser(uid, gid uint32) error {
	const keep = ^uintptr(0)
	for _, call := range []struct {
		number uintptr
		id     uint32
	}{{setresgid, gid}, {setresuid, uid}} {
		if _, _, errno := unix.RawSyscall(call.number, uintptr(call.id), keep, keep); errno != 0 {
			return os.NewSyscallError("setresuid", errno)
		}
	}
	return nil
}

// apply sets the limits of a process. A process that has ended is not an error.
func (l Limits) apply(pid int) error {
	seconds := uint64(max(l.CPU+time.Second-1, 0) / time.Second)
	for _, limit := range []struct {
		resource int
		most     uint64
	}{
		{unix.RLIMIT_CPU, seconds},
		{unix.RLIMIT_AS, l.Memory},
		{unix.RLIMIT_FSIZE, l.FileSize},
		{unix.RLIMIT_NOFILE, l.Files},
		{unix.RLIMIT_NPROC, l.Processes},
	} {
		if limit.most == 0 {
			continue
		}
		err := unix.Prlimit(pid, limit.resource, &unix.Rlimit{Cur: limit.most, Max: limit.most}, nil)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return os.NewSyscallError("prlimit", err)
		}
	}
	return nil
}
