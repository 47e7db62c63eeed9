//go:build unix

package listen

import "syscall"

// errSystemInUse is the error of bind(2) for an address in use.
const errSystemInUse = syscall.EADDRINUSE
