//go:build !unix

package exchange

import (
	"io/fs"
	"os"
	"path/filepath"
)

// isValidName reports whether a file can have this name. The name of a device such as CON, of a
// drive, or of a stream of another file is not valid.
func isValidName(name string) bool {
	local, err := filepath.Localize(name)
	return err == nil && local == name
}

// ownerOf returns -1, because the system has no user ids.
func ownerOf(fs.FileInfo) int { return -1 }

// openNoWait opens a file for reading.
func openNoWait(path string) (*os.File, error) { return os.Open(path) }
