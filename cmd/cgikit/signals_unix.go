//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// surviveClosedPipes makes writes to a closed standard output or standard error fail, instead of
// ending the process: a server must outlive the reader of its log. It catches SIGPIPE and does not
// ignore it, since child processes would inherit that.
func surviveClosedPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// stopSignals returns the signals that stop the demo in an orderly way, as launch does for servers.
// SIGHUP means that the terminal has closed, unless nohup makes the process ignore it. Some
// container images use SIGQUIT.
func stopSignals() []os.Signal {
	stop := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		stop = append(stop, syscall.SIGHUP)
	}
	return stop
}
