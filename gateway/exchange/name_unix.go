//go:build unix

package exchange

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// isValidName reports whether a file can have this name. A name is bytes in any encoding, without a
// NUL.
func isValidName(name string) bool { return strings.IndexByte(name, 0) < 0 }

// ownerOf returns the id of the user that owns a file.
func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// openNoWait opens a file for reading. With O_NONBLOCK, open does not wait for the writer of a
// named pipe.
func openNoWait(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW|syscall.O_NOCTTY, 0)
}
