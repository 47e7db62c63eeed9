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

// ErrClosed is wrapped by the error of RoundTrip after Close, and by the error of an exchange whose
// script Close has stopped.
var ErrClosed = errors.New("cgi: Script is closed")

// closedError returns the error of an exchange that Close has ended, or that begins after Close.
// err wraps ErrClosed. The gateway is to blame for it, not the script.
func closedError(err error) error {
	return &gateway.ServerError{Status: 503, Reason: "the server is shutting down", Err: err}
}

// closeWait is how long Close waits after KillDelay for scripts that SIGKILL does not end at once.
const closeWait = 5 * time.Second

// Close stops all running scripts: it sends SIGTERM to their process groups, and SIGKILL after
// KillDelay. Their exchanges and later ones fail with a [*gateway.ServerError] of 503 that wraps
// [ErrClosed]. Close returns when all scripts have ended. If some have not ended 5 seconds after
// KillDelay, because the kernel waits for a device, it returns an error. It may be called at any
// time, and more than once.
//
// A program should call Close before it exits, because a script may run on after its response, or
// ignore SIGTERM.
func (s *Script) Close() error {
	s.line.Lock()
	if s.idle == nil {
		s.idle = make(chan struct{})
		s.line.Close(closedError(ErrClosed))
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

// Close closes the folder's Script: see [Script.Close].
func (d *Dir) Close() error { return d.Script.Close() }

// register counts p, and adds it to the scripts that Close stops. If Close was called already, it
// stops p at once.
func (s *Script) register(p *process) {
	s.line.Lock()
	if s.running == nil {
		s.running = make(map[*process]bool)
	}
	s.running[p] = true
	s.started++
	closed := s.line.Closed() != nil
	s.line.Unlock()
	if closed {
		p.stop(ErrClosed)
	}
}

// remove removes p from the running scripts.
func (s *Script) remove(p *process) {
	s.line.Lock()
	defer s.line.Unlock()
	delete(s.running, p)
	s.noteIdle()
}

// release releases a slot.
func (s *Script) release() {
	s.line.Lock()
	defer s.line.Unlock()
	s.line.Release()
	s.noteIdle()
}

// noteIdle lets Close return when no script runs. A script that is about to run has a slot. The
// caller holds the lock of line.
func (s *Script) noteIdle() {
	if s.idle != nil && s.line.Taken() == 0 && len(s.running) == 0 {
		close(s.idle) // once: no slot is taken after Close
	}
}
