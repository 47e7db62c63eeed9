//go:build linux && !386 && !arm

package child

import "golang.org/x/sys/unix"

const (
	setresuid = unix.SYS_SETRESUID
	setresgid = unix.SYS_SETRESGID
)
