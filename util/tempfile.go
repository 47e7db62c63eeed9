package util

import (
	"errors"
	"os"
)

// TempFile is a temporary file for what is too large for memory: a request body that has to wait.
// Only its owner may open it (mode 0600), and where the system allows that (Windows does not) it
// has no name, so that it goes with the process, however that ends. It must be closed.
type TempFile struct {
	*os.File
	name string // to be removed at the end; empty where that was done
}

// CreateTempFile makes an empty TempFile in dir; empty is os.TempDir.
func CreateTempFile(dir string) (*TempFile, error) {
	f, err := os.CreateTemp(dir, "cgikit-")
	if err != nil {
		return nil, err
	}
	t := &TempFile{File: f}
	if os.Remove(f.Name()) != nil {
		t.name = f.Name()
	}
	return t, nil
}

// Close gives back what the file holds of the disk.
func (f *TempFile) Close() error {
	err := f.File.Close()
	if f.name != "" {
		err = errors.Join(err, os.Remove(f.name))
	}
	return err
}
