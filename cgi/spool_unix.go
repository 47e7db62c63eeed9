//go:build unix

package cgi

import "os"

// createSpool makes a file that has no name any more: it goes when the process does, however that ends. Only its owner may open
// it (mode 0600) while it has one.
func createSpool() (*os.File, error) {
	f, err := os.CreateTemp("", "cgikit-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func removeSpool(f *os.File) { f.Close() }
