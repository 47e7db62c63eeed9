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
	"os/user"
	"strconv"
	"strings"
	"syscall"

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
func (o *spawnOptions) credential() (*child.Credential, error) {
	if o.user == "" && o.group == "" {
		return nil, nil
	}
	c := &child.Credential{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	if o.user != "" {
		if err := setUser(c, o.user); err != nil {
			return nil, cli.Usage(fmt.Errorf("--user: %w", err), "\"getent passwd\" lists the users")
		}
	}
	if o.group != "" {
		if err := setGroup(c, o.group); err != nil {
			return nil, cli.Usage(fmt.Errorf("--group: %w", err), "\"getent group\" lists the groups")
		}
	}
	if os.Geteuid() != 0 {
		return nil, cli.Usage(errors.New("only root can run a program as another user"), "start spawn as root, or without --user and --group")
	}
	return c, nil
}

// setUser sets the user with its groups, as login does. A number need not be in the list of users.
func setUser(c *child.Credential, name string) error {
	u, err := user.Lookup(name)
	if n, numErr := parseID(name); numErr == nil {
		c.UID = n
		if u, err = user.LookupId(name); err != nil {
			c.GID = n
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("user %.64q does not exist", name)
	}
	uid, uidErr := parseID(u.Uid)
	gid, gidErr := parseID(u.Gid)
	ids, err := u.GroupIds()
	if err := errors.Join(uidErr, gidErr, err); err != nil {
		return err
	}
	c.UID, c.GID = uid, gid
	for _, id := range ids {
		n, err := parseID(id)
		if err != nil {
			return err
		}
		c.Groups = append(c.Groups, n)
	}
	return nil
}

// setGroup sets the group, and no others: "--group" says which rights the program has.
func setGroup(c *child.Credential, name string) error {
	n, err := parseID(name)
	if err != nil {
		g, lookupErr := user.LookupGroup(name)
		if lookupErr != nil {
			return fmt.Errorf("group %.64q does not exist", name)
		}
		n, err = parseID(g.Gid)
	}
	c.GID, c.Groups = n, nil
	return err
}

func parseID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return uint32(n), err
}
