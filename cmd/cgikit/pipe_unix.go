//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// surviveClosedPipes makes a write to a standard output or standard error without a reader an error, for a verb that serves: a log
// must not end a server. The signal is caught and not ignored: child processes would ignore it too.
func surviveClosedPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
