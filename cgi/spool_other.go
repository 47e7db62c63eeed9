//go:build !unix

package cgi

import "os"

// createSpool makes a file that removeSpool has to remove: one that is open keeps its name here.
func createSpool() (*os.File, error) { return os.CreateTemp("", "cgikit-") }

func removeSpool(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}
