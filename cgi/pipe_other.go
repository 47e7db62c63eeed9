//go:build !linux

package cgi

import "os"

// newPipe makes a pipe. ours is 0 for the end to read from, and 1 for the end to write to.
func newPipe(ours int) (our, their *os.File, err error) {
	r, w, err := os.Pipe()
	if ours == 1 {
		return w, r, err
	}
	return r, w, err
}
