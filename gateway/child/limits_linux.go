package child

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Apply sets the limits of a process. A process that has ended is not an error.
func (l Limits) Apply(pid int) error {
	seconds := uint64(max(l.CPU+time.Second-1, 0) / time.Second)
	for _, limit := range []struct {
		resource int
		most     uint64
	}{
		{unix.RLIMIT_CPU, seconds},
		{unix.RLIMIT_AS, l.Memory},
		{unix.RLIMIT_FSIZE, l.FileSize},
		{unix.RLIMIT_NOFILE, l.Files},
		{unix.RLIMIT_NPROC, l.Processes},
	} {
		if limit.most == 0 {
			continue
		}
		err := unix.Prlimit(pid, limit.resource, &unix.Rlimit{Cur: limit.most, Max: limit.most}, nil)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return os.NewSyscallError("prlimit", err)
		}
	}
	return nil
}
