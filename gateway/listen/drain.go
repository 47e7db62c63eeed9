package listen

import (
	"errors"
	"net"
	"time"
)

// undecidedGrace is how long a draining Mux waits for the first byte of the connections that it has
// taken.
const undecidedGrace = time.Second

// Drain ends the Mux without losing a connection: the shared listener takes until then what waits
// in its queue, and the three listeners go on to return what the Mux has taken, a second at most,
// and then fail. It does not wait for that. A program that shuts down the three servers calls it
// before the first of them.
func (m *Mux) Drain(until time.Time) {
	m.mu.Lock()
	draining := m.draining
	m.draining = true
	m.mu.Unlock()
	if !draining {
		m.stopAccepting(until)
	}
}

// Drain ends a listener of a Mux without losing a connection: Accept goes on to return what the Mux
// has taken, and then fails. When all three drain or are closed, the shared listener takes until
// then what waits in its queue. One that drains alone is closed then.
func (b *branch) Drain(until time.Time) error {
	if b.mux.drains(b) {
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

// drains notes that b drains, and reports whether it is the last to begin.
func (m *Mux) drains(b *branch) bool {
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

// stopAccepting makes Accept of the shared listener fail: after until where the listener can, else
// at once.
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

// endDrained ends the Mux when each connection that it has taken has been accepted or dropped.
func (m *Mux) endDrained() {
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
	m.end(net.ErrClosed)
}

// checkEmpty tells endDrained that the last connection is out. The caller holds mu.
func (m *Mux) checkEmpty() {
	if m.accepted && m.undecided.size == 0 && !m.isEmpty {
		m.isEmpty = true
		close(m.empty)
	}
}
