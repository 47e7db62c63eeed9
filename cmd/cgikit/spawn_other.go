//go:build !unix

package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/child"
	"github.com/cgikit/cgikit/gateway/spawn"
)

// handleSignals stops the workers at Ctrl-C, and kills them at the second one.
func handleSignals(pool *spawn.Pool, cancel context.CancelFunc, _ *slog.Logger) (release func()) {
	caught := make(chan os.Signal, 8)
	signal.Notify(caught, stopSignals()...)
	released := make(chan struct{})
	go func() {
		for kill := false; ; kill = true {
			select {
			case <-caught:
				if cancel(); kill {
					pool.Kill()
				}
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

var errNoUnix = errors.New("--user, --group, --umask and --stop-signal do not work on this system")

func parseStopSignal(s string) (os.Signal, error) {
	if s != "" {
		return nil, cli.Usage(errNoUnix, "leave them out")
	}
	return nil, nil
}

func (o *spawnOptions) setUmask() error {
	if o.umask != "" {
		return cli.Usage(errNoUnix, "leave them out")
	}
	return nil
}

func (o *processOptions) credential() (*child.Credential, error) {
	if o.user != "" || o.group != "" {
		return nil, cli.Usage(errNoUnix, "leave them out")
	}
	return nil, nil
}

// hasTerminal reports false: the system has no SIGHUP.
func hasTerminal() bool { return false }
