package listen

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// drainAll drains the listeners of m.
func drainAll(m *Mux) {
	for _, l := range []net.Listener{m.HTTP, m.FastCGI, m.SCGI} {
		l.(*branch).Drain(time.Now().Add(10 * time.Millisecond))
	}
}

// TestMuxDrains: a connection that sends its first byte while the Mux drains is accepted.
func TestMuxDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		m, _ := split(t, l, 0)
		slow, silent := l.Dial(), l.Dial()
		synctest.Wait()
		drainAll(m)
		synctest.Wait()
		go func() {
			time.Sleep(undecidedGrace / 2)
			slow.Write([]byte("G"))
		}()
		c, err := m.HTTP.Accept()
		if err != nil {
			t.Fatalf("the slow connection was lost: %v", err)
		}
		c.Close()
		if _, err := m.HTTP.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("then Accept: %v; want net.ErrClosed", err)
		}
		if _, err := silent.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the silent connection: %v; want it closed", err)
		}
	})
}

// TestMuxDrainsBeforeItsServers: if the Mux drains, a listener whose server drains long before the
// others still returns the connections that the Mux has accepted.
func TestMuxDrainsBeforeItsServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		m, _ := split(t, l, 0)
		slow := l.Dial()
		synctest.Wait()
		m.Drain(time.Now().Add(10 * time.Millisecond))
		m.Drain(time.Now())
		m.SCGI.(*branch).Drain(time.Now().Add(10 * time.Millisecond))
		go func() {
			time.Sleep(undecidedGrace / 2)
			slow.Write([]byte("7"))
		}()
		c, err := m.SCGI.Accept()
		if err != nil {
			t.Fatalf("the connection was lost: %v", err)
		}
		c.Close()
		if _, err := m.SCGI.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("then Accept: %v; want net.ErrClosed", err)
		}
	})
}

// deadlineListener ignores its deadline, which a test reports through Errs.
type deadlineListener struct{ *nettest.PipeListener }

func (deadlineListener) SetDeadline(time.Time) error { return nil }

// TestMuxDrainsAfterAFailedAccept: a temporary failure of Accept does not end the draining.
func TestMuxDrainsAfterAFailedAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := deadlineListener{nettest.NewPipeListener()}
		m, _ := split(t, l, 0)
		m.Drain(time.Now())
		l.Errs <- errTooManyFiles
		client, server := net.Pipe()
		defer client.Close()
		select {
		case l.Conns <- server:
		case <-m.quit:
			t.Fatal("the Mux ended after a temporary failure")
		}
		go client.Write([]byte("G"))
		if _, err := m.HTTP.Accept(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
}

// TestMuxDrainsAtOnce: without undecided connections, Drain ends the Mux at once.
func TestMuxDrainsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		m, _ := split(t, l, 0)
		before := time.Now()
		drainAll(m)
		if _, err := m.SCGI.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v; want net.ErrClosed", err)
		}
		if took := time.Since(before); took > 0 {
			t.Errorf("it took %v", took)
		}
	})
}

// TestBranchDrainsAlone: if one listener drains, the others continue.
func TestBranchDrainsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		m, _ := split(t, l, 0)
		m.HTTP.(*branch).Drain(time.Now().Add(10 * time.Millisecond))
		if _, err := m.HTTP.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept of the one that drains: %v; want net.ErrClosed", err)
		}
		c := l.Dial()
		go c.Write([]byte("0"))
		server, err := m.SCGI.Accept()
		if err != nil {
			t.Fatal(err)
		}
		server.Close()
		m.FastCGI.Close()
		m.SCGI.Close()
		if _, err := m.SCGI.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("at the end: %v; want net.ErrClosed", err)
		}
	})
}
