package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// F37: temporary failures of Accept do not end the server.
func TestAcceptIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		r := start(t, l, Service{Handle: echo})
		failure := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", errTooManyFiles)}
		var waits []time.Duration
		for range 10 {
			before := time.Now()
			l.Errs <- failure
			waits = append(waits, time.Since(before))
		}
		before := time.Now()
		c := l.Dial()
		waits = append(waits, time.Since(before))
		exchange(t, c)
		ms := time.Millisecond
		for i, want := range []time.Duration{0, 5 * ms, 10 * ms, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, 1000 * ms, 1000 * ms} {
			if waits[i] != want {
				t.Errorf("accept %d came after %v; want %v", i, waits[i], want)
			}
		}
		r.log.WantLines(t, "cannot accept connections, trying again", 1)
		if got := r.conns.Stats().AcceptErrors; got != 10 {
			t.Errorf("%d accept errors in Stats; want 10", got)
		}

		// Success ends the back-off; a failure more than a minute later is logged again.
		time.Sleep(2 * time.Minute)
		l.Errs <- failure
		before = time.Now()
		c2 := l.Dial()
		if got := time.Since(before); got != 5*ms {
			t.Errorf("after a success, accept was tried again after %v; want 5ms", got)
		}
		r.log.WantLines(t, "cannot accept connections, trying again", 2)
		c.Close()
		c2.Close()
	})
}

func TestShutdownInterruptsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		r := start(t, l, Service{Handle: echo})
		for range 9 {
			l.Errs <- errTooManyFiles
		}
		synctest.Wait() // Serve waits most of a second now
		before := time.Now()
		r.conns.Shutdown(context.Background())
		r.wantServed(t)
		if got := time.Since(before); got != 0 {
			t.Errorf("Serve returned after %v; want at once", got)
		}
	})
}

func TestServeReturnsOtherErrors(t *testing.T) {
	l := nettest.NewPipeListener()
	r := start(t, l, Service{Handle: echo})
	broken := errors.New("broken")
	l.Errs <- broken
	if err := nettest.Receive(t, r.served, "Serve"); !errors.Is(err, broken) || errors.Is(err, gateway.ErrServerClosed) {
		t.Errorf("got %v; want %v", err, broken)
	}
	nettest.Receive(t, l.Closed, "the listener's end")
	if l := listenLoopback(t); l.Close() == nil {
		if err := r.conns.Serve(l, Service{Handle: echo}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("on a closed listener: %v; want net.ErrClosed", err)
		}
	}
}

func TestMaxConns(t *testing.T) {
	begun := make(chan *Conn, 3)
	r := start(t, nil, Service{Handle: hold(begun), MaxConns: 2})
	first := nettest.Dial(t, r.l)
	nettest.Dial(t, r.l)
	nettest.Receive(t, begun, "Handle")
	nettest.Receive(t, begun, "Handle")
	for range 3 {
		nettest.WantClosed(t, nettest.Dial(t, r.l))
	}
	r.log.WantLines(t, "refusing connections above the limit", 1)
	if got, want := r.conns.Stats(), (Stats{Accepted: 5, Refused: 3, Active: 2}); got != want {
		t.Errorf("Stats: %+v; want %+v", got, want)
	}
	first.Close()
	for len(begun) == 0 { // until the first connection has been removed
		c := nettest.Dial(t, r.l)
		select {
		case <-begun:
			return
		case <-closedBy(c):
		}
	}
}

// closedBy returns a channel that is closed when the peer of c closes it.
func closedBy(c net.Conn) <-chan struct{} {
	ch := make(chan struct{})
	go func() {
		io.Copy(io.Discard, c)
		close(ch)
	}()
	return ch
}

func TestMaxConnsNone(t *testing.T) {
	for _, none := range []int{0, -1} {
		r := start(t, nil, Service{Handle: echo, MaxConns: none})
		exchange(t, nettest.Dial(t, r.l))
	}
}

func TestRefuse(t *testing.T) {
	begun := make(chan *Conn, 1)
	r := start(t, nil, Service{
		Handle:   hold(begun),
		Refuse:   func(c net.Conn) { io.WriteString(c, "busy") },
		MaxConns: 1,
	})
	nettest.Dial(t, r.l)
	nettest.Receive(t, begun, "Handle")
	for range 3 {
		if got, err := io.ReadAll(nettest.Dial(t, r.l)); string(got) != "busy" || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, "busy")
		}
	}
	if got := r.conns.Stats(); got.Active != 1 || got.Idle != 0 || got.Refused != 3 {
		t.Errorf("Stats: %+v; want 1 active and 3 refused", got)
	}
}

func TestRefusePanic(t *testing.T) {
	begun := make(chan *Conn, 1)
	r := start(t, nil, Service{Handle: hold(begun), Refuse: func(c net.Conn) {
		c.Read(make([]byte, 1))
		panic("no")
	}, MaxConns: 1})
	nettest.Dial(t, r.l)
	nettest.Receive(t, begun, "Handle")
	c := nettest.Dial(t, r.l)
	io.WriteString(c, "x")
	nettest.WantClosed(t, c)
	r.conns.Close()
	r.conns.Shutdown(context.Background())
	if got := r.conns.Stats(); got.Panics != 1 || r.conns.refusing != 0 {
		t.Errorf("%+v, %d being refused; want 1 panic and none", got, r.conns.refusing)
	}
}

// Peers that do not read their refusal are bounded in number and time.
func TestRefuseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		begun := make(chan *Conn, 1)
		start(t, l, Service{
			Handle:   hold(begun),
			Refuse:   func(c net.Conn) { io.WriteString(c, "busy") },
			MaxConns: 1,
		})
		served := l.Dial()
		<-begun
		before := time.Now()
		var deaf []net.Conn
		for range maxRefusing {
			deaf = append(deaf, l.Dial())
		}
		synctest.Wait()
		one := l.Dial()
		if n, err := one.Read(make([]byte, 4)); n != 0 || time.Since(before) != 0 {
			t.Errorf("one more: %d bytes, %v after %v; want it closed at once", n, err, time.Since(before))
		}
		time.Sleep(refuseTime)
		synctest.Wait()
		for _, c := range deaf {
			if n, err := c.Read(make([]byte, 4)); n != 0 || err != io.EOF {
				t.Fatalf("a deaf peer's connection: %d, %v; want it closed after %v", n, err, refuseTime)
			}
		}
		if got, _ := io.ReadAtLeast(l.Dial(), make([]byte, 4), 4); got != 4 {
			t.Error("a later peer got no refusal")
		}
		served.Close()
	})
}

// A connection that is being refused does not count against MaxConns.
func TestRefusedTakeNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		begun := make(chan *Conn, 2)
		start(t, l, Service{
			Handle:   hold(begun),
			Refuse:   func(c net.Conn) { io.WriteString(c, "busy") },
			MaxConns: 1,
		})
		first := l.Dial()
		<-begun
		deaf := l.Dial()
		defer deaf.Close()
		first.Close()
		synctest.Wait()
		defer l.Dial().Close()
		synctest.Wait()
		if len(begun) != 1 {
			t.Error("refused a connection while none was served")
		}
	})
}
