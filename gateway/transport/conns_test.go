package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// running is a Conns that serves one listener, and its log.
type running struct {
	conns  Conns
	l      net.Listener
	log    nettest.Log
	served chan error // what Serve returned
}

// start serves l, or a new listener if l is nil. It closes everything at the end of the test.
func start(t *testing.T, l net.Listener, s Service) *running {
	t.Helper()
	if l == nil {
		l = listenLoopback(t)
	}
	r := &running{l: l, served: make(chan error, 1)}
	s.Log = r.log.Logger()
	go func() { r.served <- r.conns.Serve(l, s) }()
	t.Cleanup(func() {
		r.conns.Close()
		r.conns.Shutdown(context.Background()) // waits
	})
	return r
}

// wantServed checks that Serve returned gateway.ErrServerClosed.
func (r *running) wantServed(t *testing.T) {
	t.Helper()
	if err := nettest.Receive(t, r.served, "Serve"); err != gateway.ErrServerClosed {
		t.Errorf("Serve: %v; want gateway.ErrServerClosed", err)
	}
}

// echo writes back each byte that it reads. It is idle between two bytes.
func echo(_ context.Context, c *Conn) {
	buf := make([]byte, 1)
	for {
		if _, err := c.Net.Read(buf); err != nil || !c.Active() {
			return
		}
		if _, err := c.Net.Write(buf); err != nil || !c.Idle() {
			return
		}
	}
}

// exchange sends a byte to an echo server and waits for it.
func exchange(t *testing.T, c net.Conn) {
	t.Helper()
	c.Write([]byte("x"))
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

// hold returns a Handle whose request lasts until its connection is closed. It sends each
// connection to begun.
func hold(begun chan<- *Conn) func(context.Context, *Conn) {
	return func(_ context.Context, c *Conn) {
		c.Active()
		begun <- c
		io.Copy(io.Discard, c.Net)
	}
}

func TestConnsServe(t *testing.T) {
	r := start(t, nil, Service{Handle: echo})
	c := nettest.Dial(t, r.l)
	exchange(t, c)
	exchange(t, c)
	if err := r.conns.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	r.wantServed(t)
	nettest.WantClosed(t, c)
	if got, want := r.conns.Stats(), (Stats{Accepted: 1}); got != want {
		t.Errorf("Stats: %+v; want %+v", got, want)
	}
}

func TestConnsHandleNil(t *testing.T) {
	var conns Conns
	if err := conns.Serve(listenLoopback(t), Service{}); err == nil {
		t.Error("Serve without a Handle returned nil")
	}
}

func TestConnsHandleOwnsTheConcreteConn(t *testing.T) {
	begun := make(chan *Conn, 1)
	r := start(t, nil, Service{Handle: hold(begun)})
	nettest.Dial(t, r.l)
	if c := nettest.Receive(t, begun, "Handle"); c.Net.(*net.TCPConn) == nil {
		t.Errorf("Handle has a %T; want a *net.TCPConn", c.Net)
	}
}

func TestConnsAreClosedAfterHandle(t *testing.T) {
	r := start(t, nil, Service{Handle: func(context.Context, *Conn) {}})
	nettest.WantClosed(t, nettest.Dial(t, r.l))
}

func TestConnsStats(t *testing.T) {
	begun := make(chan *Conn, 2)
	r := start(t, nil, Service{Handle: hold(begun)})
	nettest.Dial(t, r.l)
	nettest.Dial(t, r.l)
	nettest.Receive(t, begun, "Handle")
	nettest.Receive(t, begun, "Handle").Idle()
	if got, want := r.conns.Stats(), (Stats{Accepted: 2, Active: 1, Idle: 1}); got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
	var zero Conns
	if got := zero.Stats(); got != (Stats{}) {
		t.Errorf("of the zero value: %+v", got)
	}
}

func TestShutdownWaitsForActive(t *testing.T) {
	begun, finish := make(chan *Conn, 1), make(chan struct{})
	mayGoOn := make(chan bool, 1)
	r := start(t, nil, Service{Handle: func(ctx context.Context, c *Conn) {
		c.Active()
		begun <- c
		<-finish
		if ctx.Err() == nil {
			io.WriteString(c.Net, "answer")
		}
		mayGoOn <- c.Idle()
	}})
	c := nettest.Dial(t, r.l)
	nettest.Receive(t, begun, "Handle")
	expired, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.conns.Shutdown(expired); err != context.Canceled {
		t.Errorf("with a connection active, Shutdown returned %v; want %v", err, context.Canceled)
	}
	r.wantServed(t)
	close(finish)
	if err := r.conns.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(c); string(got) != "answer" || err != nil {
		t.Errorf("got %q, %v; want the whole answer", got, err)
	}
	if <-mayGoOn {
		t.Error("Idle allowed another request")
	}
}

func TestShutdownClosesIdleAtOnce(t *testing.T) {
	r := start(t, nil, Service{Handle: echo})
	c := nettest.Dial(t, r.l)
	exchange(t, c)
	ended := make(chan error, 1)
	go func() { ended <- r.conns.Shutdown(context.Background()) }()
	nettest.WantClosed(t, c)
	if err := nettest.Receive(t, ended, "Shutdown"); err != nil {
		t.Error(err)
	}
}

// A request that came while its connection was being closed must not begin.
func TestActiveAfterShutdown(t *testing.T) {
	begun, goOn := make(chan *Conn, 1), make(chan struct{})
	may := make(chan bool, 1)
	r := start(t, nil, Service{Handle: func(_ context.Context, c *Conn) {
		c.Idle()
		begun <- c
		<-goOn
		may <- c.Active()
	}})
	nettest.Dial(t, r.l)
	nettest.Receive(t, begun, "Handle")
	expired, cancel := context.WithCancel(context.Background())
	cancel()
	r.conns.Shutdown(expired)
	close(goOn)
	if nettest.Receive(t, may, "Active") {
		t.Error("Active allowed a request on a connection that Shutdown has closed")
	}
}

// A web server that has just connected gets a second to send its request.
func TestShutdownLetsNewConnectionsBegin(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration // time until the first byte
		want  bool          // whether there is an answer
	}{
		{"in time", newGrace - time.Millisecond, true},
		{"too late", newGrace + time.Millisecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := nettest.NewPipeListener()
				r := start(t, l, Service{Handle: echo})
				c := l.Dial()
				synctest.Wait() // until it is accepted
				ended := make(chan error, 1)
				go func() { ended <- r.conns.Shutdown(context.Background()) }()
				time.Sleep(tt.after)
				c.Write([]byte("x"))
				n, _ := c.Read(make([]byte, 1))
				if got := n == 1; got != tt.want {
					t.Errorf("answered: %v; want %v", got, tt.want)
				}
				if err := <-ended; err != nil {
					t.Error(err)
				}
				r.wantServed(t)
			})
		})
	}
}

func TestCloseEndsAll(t *testing.T) {
	begun := make(chan context.Context, 1)
	r := start(t, nil, Service{Handle: func(ctx context.Context, c *Conn) {
		c.Active()
		begun <- ctx
		<-ctx.Done()
	}})
	c := nettest.Dial(t, r.l)
	ctx := nettest.Receive(t, begun, "Handle")
	if ctx.Err() != nil {
		t.Error("the context ended before Close")
	}
	if err := r.conns.Close(); err != nil {
		t.Error(err)
	}
	nettest.Receive(t, ctx.Done(), "the context's end")
	nettest.WantClosed(t, c)
	r.wantServed(t)
	if err := r.conns.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// A plain close is the end of a response in SCGI, so Close must not look like one.
func TestCloseResetsActive(t *testing.T) {
	begun := make(chan *Conn, 1)
	r := start(t, nil, Service{Handle: hold(begun)})
	c := nettest.Dial(t, r.l)
	nettest.Receive(t, begun, "Handle")
	r.conns.Close()
	if n, err := c.Read(make([]byte, 1)); n != 0 || !gateway.PeerGone(err) {
		t.Errorf("got %d, %v; want a reset", n, err)
	}
}

func TestOnClose(t *testing.T) {
	begun := make(chan *Conn, 1)
	r := start(t, nil, Service{Handle: hold(begun)})
	c := nettest.Dial(t, r.l)
	served := nettest.Receive(t, begun, "Handle")
	served.OnClose(func() {
		io.WriteString(served.Net, "broken")
		served.Net.Close()
	})
	r.conns.Close()
	if got, err := io.ReadAll(c); string(got) != "broken" || err != nil {
		t.Errorf("got %q, %v; want what OnClose's function wrote", got, err)
	}
}

func TestServeSeveralListeners(t *testing.T) {
	r := start(t, nil, Service{Handle: echo})
	other, served := listenLoopback(t), make(chan error, 1)
	go func() { served <- r.conns.Serve(other, Service{Handle: echo}) }()
	exchange(t, nettest.Dial(t, r.l))
	exchange(t, nettest.Dial(t, other))
	if err := r.conns.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	r.wantServed(t)
	if err := nettest.Receive(t, served, "the other Serve"); err != gateway.ErrServerClosed {
		t.Errorf("the other Serve: %v; want gateway.ErrServerClosed", err)
	}
}

func TestServeAfterTheEnd(t *testing.T) {
	for name, end := range map[string]func(*Conns) error{
		"Shutdown": func(cs *Conns) error { return cs.Shutdown(context.Background()) },
		"Close":    (*Conns).Close,
	} {
		t.Run(name, func(t *testing.T) {
			var conns Conns
			if err := end(&conns); err != nil {
				t.Error(err)
			}
			l := listenLoopback(t)
			if err := conns.Serve(l, Service{Handle: echo}); err != gateway.ErrServerClosed {
				t.Errorf("got %v; want gateway.ErrServerClosed", err)
			}
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the listener was left open: %v", err)
			}
		})
	}
}

// badListener is a listener whose Close fails.
type badListener struct{ net.Listener }

var errBadClose = errors.New("cannot close")

func (l badListener) Close() error {
	l.Listener.Close()
	return errBadClose
}

func TestShutdownReturnsListenerError(t *testing.T) {
	r := start(t, badListener{listenLoopback(t)}, Service{Handle: echo})
	exchange(t, nettest.Dial(t, r.l))
	if err := r.conns.Shutdown(context.Background()); err != errBadClose {
		t.Errorf("got %v; want %v", err, errBadClose)
	}
}

func TestPanicCostsOneConnection(t *testing.T) {
	calls := make(chan struct{}, 1)
	calls <- struct{}{}
	r := start(t, nil, Service{Handle: func(ctx context.Context, c *Conn) {
		select {
		case <-calls:
			c.Net.Read(make([]byte, 1))
			panic("nonono")
		default:
			echo(ctx, c)
		}
	}})
	c := nettest.Dial(t, r.l)
	io.WriteString(c, "x")
	if _, err := io.ReadAll(c); err == nil {
		t.Error("the connection of the panic ended like a complete response; want a reset")
	}
	exchange(t, nettest.Dial(t, r.l))
	r.log.WantLines(t, "panic=nonono", 1)
	r.log.WantLines(t, "TestPanicCostsOneConnection", 1)
	if got := r.conns.Stats().Panics; got != 1 {
		t.Errorf("%d panics in Stats; want 1", got)
	}
}

func TestPanicStackIsBounded(t *testing.T) {
	var recurse func(n int)
	recurse = func(n int) {
		if n == 0 {
			panic("deep")
		}
		recurse(n - 1)
	}
	r := start(t, nil, Service{Handle: func(_ context.Context, c *Conn) {
		c.Net.Read(make([]byte, 1))
		recurse(10000)
	}})
	c := nettest.Dial(t, r.l)
	io.WriteString(c, "x")
	io.ReadAll(c)
	r.conns.Shutdown(context.Background())
	r.log.WantLines(t, "panic=deep", 1)
	if n := len(r.log.String()); n > maxStack+maxStack/2 { // the log quotes line ends
		t.Errorf("%d bytes of log", n)
	}
}

// Ordinary connections leave no line in the log.
func TestConnsAreQuiet(t *testing.T) {
	r := start(t, nil, Service{Handle: echo})
	exchange(t, nettest.Dial(t, r.l))
	nettest.Dial(t, r.l).Close()
	r.conns.Shutdown(context.Background())
	if s := r.log.String(); s != "" {
		t.Errorf("logged: %s", s)
	}
}

// A detached connection stays open and counted after Handle, and Shutdown waits for its End.
func TestDetach(t *testing.T) {
	detached := make(chan *Conn, 1)
	r := start(t, nil, Service{Handle: func(_ context.Context, c *Conn) {
		c.Active()
		c.Detach()
		detached <- c
	}})
	peer := nettest.Dial(t, r.l)
	c := nettest.Receive(t, detached, "the connection")
	go io.Copy(c.Net, c.Net)
	exchange(t, peer)
	if got := r.conns.Stats().Active; got != 1 {
		t.Errorf("%d active connections; want the detached one", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := r.conns.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown with a detached connection: %v; want it to wait", err)
	}
	c.End()
	c.End()
	nettest.WantClosed(t, peer)
	if err := r.conns.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown after End: %v", err)
	}
}

func TestPanicInGo(t *testing.T) {
	r := start(t, nil, Service{Handle: func(_ context.Context, c *Conn) {
		c.Detach()
		c.Go(func() {
			c.Net.Read(make([]byte, 1)) // otherwise the reset could make the dial fail
			panic("on purpose")
		})
	}})
	peer := nettest.Dial(t, r.l)
	io.WriteString(peer, "x")
	nettest.WantClosed(t, peer)
	r.log.WantLines(t, "panic while serving a connection", 1)
	if err := r.conns.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown after it: %v", err)
	}
}

func TestPanicAfterDetach(t *testing.T) {
	r := start(t, nil, Service{Handle: func(_ context.Context, c *Conn) {
		c.Detach()
		c.Net.Read(make([]byte, 1)) // otherwise the reset could make the dial fail
		panic("on purpose")
	}})
	peer := nettest.Dial(t, r.l)
	io.WriteString(peer, "x")
	nettest.WantClosed(t, peer)
	r.log.WantLines(t, "panic while serving a connection", 1)
}
