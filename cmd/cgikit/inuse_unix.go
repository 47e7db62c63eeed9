//go:build unix

package main

import "syscall"

// errAddrInUse is bind's answer for a port or path that is taken.
const errAddrInUse = syscall.EADDRINUSE
