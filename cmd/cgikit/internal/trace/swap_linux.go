package trace

import (
	"errors"

	"golang.org/x/sys/unix"
)

// swap exchanges two names. Where the file system cannot, replace is the second best.
func swap(aside, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, aside, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return linkAndRename(aside, path)
	}
	return err
}
