//go:build linux && (386 || arm)

package child

import "golang.org/x/sys/unix"

// The calls without a number in their names have ids of 16 bits on these machines.
const (
	setresuid = unix.SYS_SETRESUID32
	setresgid = unix.SYS_SETRESGID32
)
