package util

import (
	"errors"
	"os"
)

// TempFile is a temporary file for data that is too large for memory, such as a request body that
// must wait. Only its owner may open it (mode 0600). On systems other than Windows it has no name,
// so that it is removed when the process ends for any reason. It must be closed.
type TempFile struct {
	*os.File
	name string // removed by Close; empty if the file has no name
}

// CreateTempFile creates an empty TempFile in the folder dir. An empty dir means os.TempDir.
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

// Close closes the file and frees its disk space.
func (f *TempFile) Close() error {
	err := f.File.Close()
	if f.name != "" {
		err = errors.Join(err, os.Remove(f.name))
	}
	return err
}
