package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/util"
)

// measureRestart counts the requests that are lost while all workers of a program are replaced
// again and again, and then while one of them is killed again and again, until -requests are
// answered. In the first, a program that finishes its request must lose none. In the second, each
// killed worker may lose the requests that it has.
func measureRestart(o options) error {
	var errs []error
	for _, p := range workerPrograms() {
		if o.takes(p.name) {
			errs = append(errs, o.restartProgram(p))
		}
	}
	return errors.Join(errs...)
}

func (o options) restartProgram(p workerProgram) error {
	pool, err := p.newWorkers(o.dir)
	if err != nil {
		fmt.Fprintf(o.out, "left out: %s: %v\n", p.name, err)
		return nil
	}
	pool.Log = slog.New(slog.DiscardHandler)
	l, err := listen.ListenFor("fastcgi", "fastcgi+unix:"+filepath.Join(o.dir, p.name+".sock"))
	if err != nil {
		return err
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(o.ctx)
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx, l) }()
	defer func() {
		cancel()
		<-ended
	}()
	c := &fastcgi.Client{Addr: "fastcgi+unix:" + l.Addr().String(), MaxIdleConns: -1}
	defer c.Close()
	replaced, err := o.press(c, func(*counted) error { return waitReload(ctx, pool) })
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	killed, err := o.press(c, func(n *counted) error { return killWorker(ctx, pool, n) })
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	fmt.Fprintf(o.out, "%-8s all workers replaced: %v; a worker killed: %v\n", p.name, replaced, killed)
	return p.check(replaced, killed, o.clients)
}

// check returns an error if more requests are lost than may be.
func (p workerProgram) check(replaced, killed *counted, clients int) error {
	if n := replaced.lost.Load(); n > 0 && !p.loses {
		return fmt.Errorf("%s: %d requests are lost in restarts, the last by: %w, over the bound of 0", p.name, n, *replaced.last.Load())
	}
	most := int64(killed.times * p.holds)
	if p.holds == 0 {
		most = int64(killed.times * clients)
	}
	if n := killed.lost.Load(); n > most {
		return fmt.Errorf("%s: %d requests are lost by killed workers, over the bound of %d", p.name, n, most)
	}
	return nil
}

// counted are the requests of one run.
type counted struct {
	times      int // that the workers were disturbed
	done, lost atomic.Int64
	worker     atomic.Int64 // that has answered last
	last       atomic.Pointer[error]
}

// String returns the counts.
func (n *counted) String() string {
	return fmt.Sprintf("%d times in %d requests, %d lost", n.times, n.done.Load(), n.lost.Load())
}

// press sends requests from all clients, and disturbs the workers meanwhile, until enough requests
// are answered.
func (o options) press(c *fastcgi.Client, disturb func(*counted) error) (*counted, error) {
	n := new(counted)
	var clients sync.WaitGroup
	var stopped atomic.Bool
	defer clients.Wait()
	defer stopped.Store(true)
	for range o.clients {
		clients.Go(func() {
			for ; !stopped.Load(); n.done.Add(1) {
				if err := n.fetch(c, o.dir); err != nil {
					n.lost.Add(1)
					n.last.Store(&err)
				}
			}
		})
	}
	for n.worker.Load() == 0 {
		if err := pauseFor(o.ctx, time.Millisecond); err != nil {
			return n, err
		}
	}
	for ; n.times == 0 || n.done.Load() < int64(o.requests); n.times++ {
		if err := disturb(n); err != nil {
			return n, err
		}
	}
	stopped.Store(true)
	clients.Wait()
	return n, nil
}

// fetch sends one request, and notes the worker that answers.
func (n *counted) fetch(c *fastcgi.Client, dir string) error {
	resp, err := c.RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{
		"REQUEST_METHOD": "GET", "SCRIPT_FILENAME": filepath.Join(dir, workerScript), "SCRIPT_NAME": "/" + workerScript, "REDIRECT_STATUS": "200",
	})})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	pid, err := strconv.ParseInt(string(body), 10, 64)
	if err == nil {
		n.worker.Store(pid)
	}
	return err
}

// pauseFor waits for a time, or until ctx ends.
func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
