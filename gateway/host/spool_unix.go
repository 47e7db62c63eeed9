//go:build unix

package host

import "os"

// createSpool makes a file that has no name any more: it goes when the process does, however that ends. While it has one, only its
// owner may open it (mode 0600).
func createSpool(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "cgikit-")
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
