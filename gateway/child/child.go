package child

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// Command is a program to start.
type Command struct {
	Path  string
	Args  []string // the first one is the program's name
	Dir   string
	Env   []string
	Files []*os.File  // become the descriptors 0, 1, 2 and so on
	RunAs *Credential // nil for the user of this process

	// Limits holds from the first instruction of the program on. Without the right to trace a
	// process, as in some sandboxes, and for a program that gets further rights by its file
	// (set-user-ID, capabilities), it holds a moment after the start, as soon as the process id is
	// known.
	Limits Limits

	// DieWithParent makes Linux kill the process when the thread that has started it ends, so also
	// when this process ends for whatever reason. The caller keeps the thread (see
	// runtime.LockOSThread). On other systems it has no effect.
	DieWithParent bool
}

// Credential is the user of a process, by numeric ids. Without Groups it has no supplementary
// groups.
type Credential struct {
	UID, GID uint32
	Groups   []uint32
}

// Limits bounds the resources of a process, as setrlimit(2) does, soft and hard. Zero keeps the
// limit of this process. Limits work on Linux only: on other systems Start returns an error if
// any is set.
type Limits struct {
	CPU       time.Duration // RLIMIT_CPU, rounded up to seconds
	Memory    uint64        // RLIMIT_AS, in bytes
	FileSize  uint64        // RLIMIT_FSIZE, in bytes
	Files     uint64        // RLIMIT_NOFILE
	Processes uint64        // RLIMIT_NPROC
}

// IsShortage reports whether the error of Start is a temporary shortage of the system. ETXTBSY
// means that the program is being written.
func IsShortage(err error) bool {
	for _, e := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ETXTBSY} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
