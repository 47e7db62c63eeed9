//go:build !unix

package main

import (
	"os"
	"syscall"
)

// surviveClosedPipes does nothing: there is no SIGPIPE.
func surviveClosedPipes() {}

// stopSignals are Ctrl-C and what the Go runtime calls SIGTERM: the console was closed.
func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }
