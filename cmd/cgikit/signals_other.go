//go:build !unix

package main

import (
	"os"
	"syscall"
)

// surviveClosedPipes does nothing: the system has no SIGPIPE.
func surviveClosedPipes() {}

// stopSignals returns Ctrl-C, and SIGTERM, by which the Go runtime reports that the console was
// closed.
func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }
