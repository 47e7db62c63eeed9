//go:build unix

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/account"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/child"
	"github.com/cgikit/cgikit/gateway/spawn"
)

// handleSignals passes the signals to this process on to the workers until release is called, as
// the help of spawn says.
func handleSignals(pool *spawn.Pool, cancel context.CancelFunc, log *slog.Logger) (release func()) {
	caught := make(chan os.Signal, 8)
	signal.Notify(caught, append(stopSignals(), syscall.SIGUSR1)...)
	released := make(chan struct{})
	h := &signalHandler{pool: pool, cancel: cancel, log: log, terminal: hasTerminal()}
	go func() {
		for {
			select {
			case s := <-caught:
				h.handle(s)
			case <-released:
				return
			}
		}
	}()
	return func() {
		signal.Stop(caught)
		close(released)
	}
}

// signalHandler handles the signals to this process.
type signalHandler struct {
	pool     *spawn.Pool
	cancel   context.CancelFunc
	log      *slog.Logger
	terminal bool // asked at the start: a terminal that has closed is not found any more
	stopping bool
}

func (h *signalHandler) handle(s os.Signal) {
	switch {
	case s == syscall.SIGUSR1:
		h.pool.Signal(s)
	case s == syscall.SIGHUP && !h.terminal:
		h.pool.Reload()
	case h.stopping:
		h.log.Info("killing the workers", "cause", fmt.Sprintf("signal: %v", s))
		h.pool.Kill()
	default:
		h.log.Info("ending, requests under way may finish", "cause", fmt.Sprintf("signal: %v", s))
		h.stopping = true
		h.cancel()
	}
}

// hasTerminal reports whether the process was started from a terminal, which sends SIGHUP when it
// closes.
func hasTerminal() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	tty.Close()
	return true
}

var stopSignalNames = map[string]syscall.Signal{
	"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
}

// parseStopSignal parses a signal's name, with SIG or without.
func parseStopSignal(s string) (os.Signal, error) {
	n, known := stopSignalNames[strings.TrimPrefix(strings.ToUpper(cmp.Or(s, "TERM")), "SIG")]
	if !known {
		return nil, cli.Usage(fmt.Errorf("--stop-signal %.32q is not known", s), "TERM, INT, QUIT, HUP, USR1 or USR2")
	}
	return n, nil
}

// setUmask sets the umask of this process, which the workers inherit. A socket has its mode from
// its address.
func (o *spawnOptions) setUmask() error {
	if o.umask == "" {
		return nil
	}
	n, err := parseUmask(o.umask)
	if err == nil {
		syscall.Umask(n)
	}
	return err
}

// credential returns the user and the groups of --user and --group, or nil for those of this
// process.
func (o *processOptions) credential() (*child.Credential, error) {
	if o.user == "" && o.group == "" {
		return nil, nil
	}
	c := &child.Credential{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	var err error
	switch {
	case o.group != "" && strings.Contains(o.user, ":"):
		return nil, cli.Usage(fmt.Errorf("--user %.64q has a group, and --group %.64q is another", o.user, o.group), "write the group once")
	case o.user != "":
		if c, err = account.Find(o.user); err != nil {
			return nil, cli.Usage(fmt.Errorf("--user: %w", err), "\"getent passwd\" lists the users, and \"getent group\" the groups")
		}
	}
	if o.group != "" {
		if err := account.SetGroup(c, o.group); err != nil {
			return nil, cli.Usage(fmt.Errorf("--group: %w", err), "\"getent group\" lists the groups")
		}
	}
	switch {
	case os.Geteuid() == 0:
	case int(c.UID) == os.Geteuid() && int(c.GID) == os.Getegid():
		return nil, nil // this process is that user
	default:
		return nil, cli.Usage(errors.New("only root can run a program as another user"), "start cgikit as root, or without --user and --group")
	}
	return c, nil
}
