package main

import (
	"context"
	"os"
	"time"

	"github.com/cgikit/cgikit/gateway/spawn"
)

// waitReload replaces all workers, and waits until the old ones have ended.
func waitReload(ctx context.Context, pool *spawn.Pool) error {
	before := pool.Stats().Reloads
	pool.Reload()
	for s := pool.Stats(); s.Reloads == before || s.Stopping > 0; s = pool.Stats() {
		if err := pauseFor(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// killWorker kills the worker that has answered last, and waits until another one is there.
func killWorker(ctx context.Context, pool *spawn.Pool, n *counted) error {
	before := pool.Stats()
	for n.killLast() != nil { // it had ended before
		if err := pauseFor(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	for s := pool.Stats(); s.Crashed == before.Crashed || s.Workers < before.Workers; s = pool.Stats() {
		if err := pauseFor(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// killLast sends SIGKILL to the worker that has answered last.
func (n *counted) killLast() error {
	p, err := os.FindProcess(int(n.worker.Load()))
	if err != nil {
		return err
	}
	return p.Kill()
}
