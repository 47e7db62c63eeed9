//go:build !unix

package cgi

import "os/exec"

// inGroup does nothing: there are no process groups, and the context's end kills the process alone.
func inGroup(*exec.Cmd) {}
