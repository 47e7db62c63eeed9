//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// surviveClosedPipes makes a write to a standard output or standard error without a reader an
// error, for a verb that serves: a log must not end a server. The signal is caught and not ignored:
// child processes would ignore it too.
func surviveClosedPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// stopSignals are those that end the demo in good order, as launch has it for servers: SIGHUP says
// that the terminal has gone, unless nohup has it ignored, and SIGQUIT is what some container
// images are stopped with.
func stopSignals() []os.Signal {
	stop := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		stop = append(stop, syscall.SIGHUP)
	}
	return stop
}
