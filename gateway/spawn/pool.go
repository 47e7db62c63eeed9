package spawn

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/gateway/child"
)

// Pool is a program and the number of processes that run it, its workers. The fields must not
// change after Run has begun. The methods may be called concurrently.
type Pool struct {
	// Path is the file of the program. PATH is not searched. It must be set.
	Path string

	// Args are the arguments that follow the program's name.
	Args []string

	// Dir is the folder in which workers run. Empty means the folder of this process.
	Dir string

	// Env is the whole environment of a worker, "NAME=value" each. Nil means [Environ].
	Env []string

	// RunAs is the user as which workers run. Nil means the user of this process.
	RunAs *child.Credential

	// Limits bounds the system's resources for each worker (Linux only). A zero field bounds
	// nothing.
	Limits child.Limits

	// Min and Max bound the number of workers. A Min of zero means 1. A Max of zero means Min.
	Min, Max int

	// Start is the number of workers at the start. It is also the number while Waiting does not
	// know the queue. Zero means Min.
	Start int

	// Waiting returns how many requests wait for a worker, and whether that is known. Run calls it
	// ten times a second if Max is larger than Min, and rarely otherwise. If requests wait, Run
	// starts workers, up to Max. Nil means that it is not known.
	Waiting func() (n int, known bool)

	// Idle is the time without a waiting request after which one worker is stopped, down to Min.
	// Only a worker that is seen without a request is stopped. Zero means 10 seconds, negative
	// never.
	Idle time.Duration

	// MaxAge is the age at which a worker is replaced. Zero and negative mean no bound.
	MaxAge time.Duration

	// MaxMemory is the resident memory, in bytes, above which a worker is replaced (Linux only).
	// It is read once a second. Zero means no bound.
	MaxMemory uint64

	// StopSignal asks a worker to finish its request and to end. Nil means SIGTERM.
	StopSignal os.Signal

	// StopTimeout is the time from StopSignal to SIGKILL. Zero means 30 seconds, negative no
	// SIGKILL.
	StopTimeout time.Duration

	// Log gets the lines that workers write to standard output and standard error, and a line for
	// each worker that fails. Nil means slog.Default().
	Log *slog.Logger

	mu      sync.Mutex
	run     *run // nil when Run is not under way
	figures Stats
}

const (
	defaultIdle        = 10 * time.Second
	defaultStopTimeout = 30 * time.Second
)

// Stats counts the workers of a Pool.
type Stats struct {
	Workers  int    // processes, without those that were asked to end
	Stopping int    // processes that were asked to end
	Waiting  int    // requests that waited at the last call of Waiting
	Started  uint64 // processes started
	Ended    uint64 // processes that ended without having been asked to, with exit status 0
	Crashed  uint64 // processes that ended without having been asked to, in another way
	Killed   uint64 // processes that did not end within StopTimeout
	Reloads  uint64 // calls of Reload that replaced all workers
}

// Stats returns the current figures.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.figures
}

// Reload replaces all workers: Run starts new ones, and stops the old ones when the new ones have
// run for a moment. If the new workers fail, the old ones remain. It does not wait.
func (p *Pool) Reload() { p.do((*run).reload) }

// Signal sends a signal to the process group of each worker, such as SIGUSR1 for new log files.
func (p *Pool) Signal(s os.Signal) { p.do(func(r *run) { r.signal(s) }) }

// Kill kills all workers at once, and Run returns.
func (p *Pool) Kill() { p.do((*run).kill) }

// do lets the goroutine of Run call f. It does nothing if Run is not under way.
func (p *Pool) do(f func(*run)) {
	p.mu.Lock()
	r := p.run
	p.mu.Unlock()
	if r == nil {
		return
	}
	select {
	case r.events <- f:
	case <-r.done:
	}
}

// Check returns an error if the numbers of the Pool contradict each other.
func (p *Pool) Check() error {
	low, high := p.bounds()
	switch {
	case p.Path == "":
		return errors.New("spawn: Path is empty")
	case low < 1 || high < low:
		return fmt.Errorf("spawn: %d to %d workers are no range", low, high)
	case p.Start != 0 && (p.Start < low || p.Start > high):
		return fmt.Errorf("spawn: %d workers at the start are not within %d to %d", p.Start, low, high)
	}
	return nil
}

// bounds returns the smallest and the largest number of workers.
func (p *Pool) bounds() (low, high int) {
	low = cmp.Or(p.Min, 1)
	return low, cmp.Or(p.Max, low)
}

func (p *Pool) stopSignal() os.Signal { return cmp.Or[os.Signal](p.StopSignal, syscall.SIGTERM) }

// Environ returns the environment of this process without the variables that are meant for it
// alone: those of cgikit itself, and those of systemd that name its sockets.
func Environ() []string {
	var env []string
	for _, v := range os.Environ() {
		if !isOwn(v) {
			env = append(env, v)
		}
	}
	return env
}

func isOwn(variable string) bool {
	for _, prefix := range []string{"CGIKIT_", "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", "NOTIFY_SOCKET=", "WATCHDOG_"} {
		if strings.HasPrefix(variable, prefix) {
			return true
		}
	}
	return false
}
