//go:build !unix

package main

// surviveClosedPipes does nothing: there is no SIGPIPE.
func surviveClosedPipes() {}
