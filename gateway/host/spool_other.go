//go:build !unix

package host

import "os"

// createSpool makes a file that removeSpool has to remove: one that is open keeps its name here.
func createSpool(dir string) (*os.File, error) { return os.CreateTemp(dir, "cgikit-") }

func removeSpool(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}
