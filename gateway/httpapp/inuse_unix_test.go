//go:build unix

package httpapp_test

import "syscall"

const errInUse = syscall.EADDRINUSE
