//go:build !unix

package exchange

import (
	"io/fs"
	"os"
	"path/filepath"
)

// isName reports whether a file may be called so: not a device such as CON, no drive, no stream of
// another file.
func isName(name string) bool {
	local, err := filepath.Localize(name)
	return err == nil && local == name
}

// ownerOf is -1: there are no user ids.
func ownerOf(fs.FileInfo) int { return -1 }

// openNoWait opens a file for reading.
func openNoWait(path string) (*os.File, error) { return os.Open(path) }
