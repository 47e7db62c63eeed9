//go:build linux && !386 && !arm

package account

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cgikit/cgikit/gateway/child"
)

// CheckRun returns an error if the user may not execute the file at path, or not read it if
// readable is set, as the interpreter of a script must. For a folder, to execute means to enter. A
// nil Credential is the user of this process, which is not checked. The error names the first
// folder on the way that is closed. Only root can check, and only on Linux (not 386 and arm, whose
// calls have ids of 16 bits): otherwise CheckRun returns nil.
func CheckRun(c *child.Credential, path string, readable bool) error {
	if c == nil {
		return nil
	}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread, which has another real user now, ends with this goroutine
		if becomeReal(c) != nil {
			result <- nil
			return
		}
		result <- checkPath(c, path, readable)
	}()
	return <-result
}

// becomeReal sets the real user of this thread alone: access(2) asks for the rights of that one.
func becomeReal(c *child.Credential) error {
	var first unsafe.Pointer
	if len(c.Groups) > 0 {
		first = unsafe.Pointer(&c.Groups[0])
	}
	const keep = ^uintptr(0)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(c.Groups)), uintptr(first), 0); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(c.GID), keep, keep); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(c.UID), keep, keep); errno != 0 {
		return errno
	}
	return nil
}

func checkPath(c *child.Credential, path string, readable bool) error {
	for i := range path {
		if dir := path[:i]; path[i] == '/' && dir != "" && unix.Access(dir, unix.X_OK) == unix.EACCES {
			return &AccessError{UID: c.UID, Path: dir, Action: "enter"}
		}
	}
	if unix.Access(path, unix.X_OK) == unix.EACCES {
		return &AccessError{UID: c.UID, Path: path, Action: "execute"}
	}
	if readable && unix.Access(path, unix.R_OK) == unix.EACCES {
		return &AccessError{UID: c.UID, Path: path, Action: "read"}
	}
	return nil
}
