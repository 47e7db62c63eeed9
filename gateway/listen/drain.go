package listen

import (
	"errors"
	"net"
	"time"
)

// undecidedGrace is how long a draining Mux waits for the first byte of the connections that it has
// accepted.
const undecidedGrace = time.Second

// Drain ends the Mux without losing a connection. The Mux accepts the connections in the queue of
// the shared listener until the given time. The three listeners return the connections that the Mux
// has accepted, for a second at most, and then fail. Drain does not wait for that. A program calls
// it before it shuts down the first of the three servers.
func (m *Mux) Drain(until time.Time) {
	m.mu.Lock()
	draining := m.draining
	m.draining = true
	m.mu.Unlock()
	if !draining {
		m.stopAccepting(until)
	}
}

// Drain ends a listener of a Mux without losing a connection: Accept returns the connections that
// the Mux has accepted, and then fails. If each of the three drains or is closed, the Mux accepts
// the connections in the queue of the shared listener until the given time. Otherwise b is closed
// at that time.
func (b *branch) Drain(until time.Time) error {
	if b.mux.noteDraining(b) {
		b.mux.stopAccepting(until)
		return nil
	}
	time.AfterFunc(time.Until(until), func() {
		if !b.mux.isDraining() {
			b.Close()
		}
	})
	return nil
}

// noteDraining notes that b drains, and reports whether the Mux must begin to drain.
func (m *Mux) noteDraining(b *branch) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !b.draining {
		b.draining = true
		m.open--
	}
	if m.open > 0 || m.draining {
		return false
	}
	m.draining = true
	return true
}

func (m *Mux) isDraining() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.draining
}

// stopAccepting makes Accept of the shared listener fail: at the time until if the listener
// supports that, and at once otherwise.
func (m *Mux) stopAccepting(until time.Time) {
	err := errors.ErrUnsupported
	switch l := m.shared.(type) {
	case interface{ Drain(time.Time) error }:
		err = l.Drain(until)
	case interface{ SetDeadline(time.Time) error }:
		err = l.SetDeadline(until)
	}
	if err != nil {
		m.closeShared()
	}
}

// closeShared closes the shared listener, once.
func (m *Mux) closeShared() {
	m.closingShared.Do(func() { m.closeErr = m.shared.Close() })
}

// finishDrain stops the Mux when no connection is undecided any more, after undecidedGrace at the
// latest.
func (m *Mux) finishDrain() {
	m.mu.Lock()
	m.accepted = true
	m.checkEmpty()
	m.mu.Unlock()
	grace := time.NewTimer(undecidedGrace)
	defer grace.Stop()
	select {
	case <-m.empty:
	case <-grace.C:
	case <-m.quit:
	}
	m.stop(net.ErrClosed)
}

// checkEmpty wakes finishDrain if no connection is undecided. The caller holds mu.
func (m *Mux) checkEmpty() {
	if m.accepted && m.waiting.size == 0 && !m.isEmpty {
		m.isEmpty = true
		close(m.empty)
	}
}
