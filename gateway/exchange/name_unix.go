//go:build unix

package exchange

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// isName reports whether a file may be called so. A name is bytes, of no encoding, without a NUL.
func isName(name string) bool { return strings.IndexByte(name, 0) < 0 }

// ownerOf is the id of the user that a file belongs to.
func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// openNoWait opens a file for reading. O_NONBLOCK keeps a named pipe from waiting for its writer.
func openNoWait(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW|syscall.O_NOCTTY, 0)
}
