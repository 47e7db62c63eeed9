package cgi

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// ErrClosed is what RoundTrip fails with after Close, and why Close has stopped a script.
var ErrClosed = errors.New("cgi: Script is closed")

func closedError() error {
	return &gateway.BackendError{Status: 503, Reason: "the server is shutting down", Err: ErrClosed}
}

// closeWait is how long Close waits beyond KillDelay, for scripts that SIGKILL does not end at
// once.
const closeWait = 5 * time.Second

// Close stops all scripts that run: SIGTERM to their process groups, and SIGKILL after KillDelay.
// Their exchanges fail, and so do later ones, with [ErrClosed]. Close returns when all scripts have
// ended; those that have not 5 seconds after KillDelay, since the kernel has them wait for a
// device, are an error. It may be called at any time, and more than once.
//
// A program calls it before it ends: a script may run on after its response, or ignore SIGTERM.
func (s *Script) Close() error {
	s.line.Lock()
	if s.idle == nil {
		s.idle = make(chan struct{})
		s.line.Close(closedError())
		s.noteIdle()
	}
	running := slices.Collect(maps.Keys(s.running))
	s.line.Unlock()
	for _, p := range running {
		p.stop(ErrClosed)
	}
	timer := time.NewTimer(max(cmp.Or(s.KillDelay, defaultKillDelay), 0) + closeWait)
	defer timer.Stop()
	select {
	case <-s.idle:
		return nil
	case <-timer.C:
	}
	s.line.Lock()
	defer s.line.Unlock()
	return fmt.Errorf("cgi: scripts that SIGKILL has not ended: %d", len(s.running))
}

// Close is that of the folder's Script: see [Script.Close].
func (d *Dir) Close() error { return d.Script.Close() }

// register has Close stop p, at once if it was called already.
func (s *Script) register(p *process) {
	s.line.Lock()
	if s.running == nil {
		s.running = make(map[*process]bool)
	}
	s.running[p] = true
	closed := s.line.Closed() != nil
	s.line.Unlock()
	if closed {
		p.stop(ErrClosed)
	}
}

// forget notes that nothing is left of p.
func (s *Script) forget(p *process) {
	s.line.Lock()
	defer s.line.Unlock()
	delete(s.running, p)
	s.noteIdle()
}

// release gives a slot back.
func (s *Script) release() {
	s.line.Lock()
	defer s.line.Unlock()
	s.line.Release()
	s.noteIdle()
}

// noteIdle lets Close return when no script runs and none is about to: that has a slot. The line is
// locked.
func (s *Script) noteIdle() {
	if s.idle != nil && s.line.Taken() == 0 && len(s.running) == 0 {
		close(s.idle) // once: no slot is taken after Close
	}
}
