//go:build unix

package listen

import "syscall"

// errSystemInUse is bind's answer for an address that is taken.
const errSystemInUse = syscall.EADDRINUSE
