package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/spawn"
)

// defaultMostWorkers bounds the workers of a spawn: target without --max.
const defaultMostWorkers = 8

// spawned is a FastCGI backend whose processes belong to this one.
type spawned struct {
	*backend
	socket *privateSocket
	pool   *spawn.Pool
	cancel context.CancelFunc
	done   chan struct{} // closed when no worker is left
	failed func(error)   // called if the workers end by themselves
}

// newSpawned returns a backend for the program of a spawn: target. The number of workers follows
// the requests that wait in the client, and those that it has sent to no free worker.
func newSpawned(command string, o targetOptions, log *slog.Logger) (*backend, error) {
	words, err := parseWords(command)
	if err != nil {
		return nil, cli.Usage(err, spawnTargetHint)
	}
	o.spawn.least = cmp.Or(o.spawn.least, 1)
	o.spawn.most = cmp.Or(o.spawn.most, max(defaultMostWorkers, o.spawn.least))
	pool, err := o.spawn.pool(words, log)
	if err != nil {
		return nil, err
	}
	socket, err := openPrivate()
	if err != nil {
		return nil, fmt.Errorf("socket of the target: %w", err)
	}
	s := &spawned{backend: newFastCGI(socket.address, o), socket: socket, pool: pool, done: make(chan struct{}), failed: o.failed}
	requests := s.backend.pool
	pool.Waiting = func() (int, bool) {
		now := requests()
		return now.Waiting + max(0, now.Active-pool.Stats().Workers), true
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go s.run(ctx)
	return &backend{Backend: s.Backend, pool: requests, workers: pool, private: socket.address, close: s.close}, nil
}

const spawnTargetHint = `such as spawn:php-cgi, or "spawn:/srv/app.fcgi --flag 'one argument'" as one word of the shell`

// run runs the workers. If they fail, requests that wait for them fail too.
func (s *spawned) run(ctx context.Context) {
	defer close(s.done)
	err := s.pool.Run(ctx, s.socket)
	s.socket.close()
	if err != nil {
		s.failed(spawnFailure(err))
	}
}

// close stops the workers and waits for their end.
func (s *spawned) close() error {
	err := s.backend.close()
	s.cancel()
	<-s.done
	return err
}

// parseWords splits a command line at spaces. Quotes and backslashes keep spaces, as in a shell:
// '...' is literal, and "..." keeps all but \" and \\. Nothing else is special.
func parseWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	begun, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(s) && (quote == 0 || s[i+1] == '"' || s[i+1] == '\\'):
			i++
			word.WriteByte(s[i])
			begun = true
		case quote == 0 && (c == '\'' || c == '"'):
			quote, begun = c, true
		case c == quote && quote != 0:
			quote = 0
		case quote == 0 && (c == ' ' || c == '\t'):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("target %.100q has a quote that is not closed", listen.Address{Protocol: "spawn", Path: s}.String())
	}
	if begun {
		words = append(words, word.String())
	}
	if len(words) == 0 {
		return nil, errors.New("the target spawn: has no program")
	}
	return words, nil
}

// stats returns the figures of the target's processes, or nil if it has none.
func (t *target) stats() func() spawn.Stats {
	if t.workers == nil {
		return nil
	}
	return t.workers.Stats
}

// fit returns an error if a flag of the processes has no effect on a target of the kind.
func (o *spawnOptions) fit(kind string) error {
	if err := o.process.fit(kind); err != nil {
		return err
	}
	if kind == "spawn" {
		return nil
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"--min", o.least != 0}, {"--max", o.most != 0}, {"--idle", o.idle != 0}, {"--max-age", o.maxAge != 0},
		{"--max-memory", o.maxMemory != 0}, {"--stop-signal", o.stopSignal != ""}, {"--stop-timeout", o.stopTimeout != 0},
	} {
		if flag.set {
			return cli.Usage(fmt.Errorf("%s has no effect on a target of the kind %.32q", flag.name, kind), "use it with spawn: targets")
		}
	}
	return nil
}
