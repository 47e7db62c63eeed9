package transport

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
	"github.com/cgikit/cgikit/gateway/listen"
)

// lateListener returns one connection after it was closed. A real Accept may do so if it had
// accepted the connection before.
type lateListener struct {
	*nettest.PipeListener
	late      chan net.Conn
	accepting chan struct{} // gets a value for each Accept
}

func (l *lateListener) Accept() (net.Conn, error) {
	l.accepting <- struct{}{}
	<-l.Closed
	select {
	case c := <-l.late:
		return c, nil
	default:
		return nil, net.ErrClosed
	}
}

// TestShutdownServesWhatAcceptReturned: a connection that Accept returns after Shutdown began is
// served as a new one, and Shutdown waits for it.
func TestShutdownServesWhatAcceptReturned(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	l := &lateListener{nettest.NewPipeListener(), make(chan net.Conn, 1), make(chan struct{}, 2)}
	l.late <- server
	r := start(t, l, Service{Handle: echo})
	nettest.Receive(t, l.accepting, "Accept")
	ended := make(chan error, 1)
	go func() { ended <- r.conns.Shutdown(context.Background()) }()
	client.SetDeadline(time.Now().Add(20 * time.Second))
	exchange(t, client)
	if err := nettest.Receive(t, ended, "Shutdown"); err != nil {
		t.Error(err)
	}
	r.wantServed(t)
}

// gatedListener accepts nothing until its gate is closed. Until then the system's queue holds the
// connections.
type gatedListener struct {
	net.Listener
	gate      chan struct{}
	accepting chan struct{} // gets a value for each Accept
}

func (l *gatedListener) Accept() (net.Conn, error) {
	l.accepting <- struct{}{}
	<-l.gate
	return l.Listener.Accept()
}

func (l *gatedListener) SetDeadline(t time.Time) error {
	return l.Listener.(interface{ SetDeadline(time.Time) error }).SetDeadline(t)
}

func (l *gatedListener) SyscallConn() (syscall.RawConn, error) {
	return l.Listener.(syscall.Conn).SyscallConn()
}

// TestShutdownTakesTheQueue: connections in the system's queue are served, over TCP and over a unix
// socket, even if the accept loop has not run before the deadline.
func TestShutdownTakesTheQueue(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), "s")} {
		inner, err := listen.ListenFor("test", addr)
		if err != nil {
			t.Fatal(err)
		}
		l := &gatedListener{inner, make(chan struct{}), make(chan struct{}, 10)}
		r := start(t, l, Service{Handle: echo})
		nettest.Receive(t, l.accepting, "Accept")
		var clients []net.Conn
		for range 5 {
			clients = append(clients, nettest.Dial(t, l))
		}
		ended := make(chan error, 1)
		go func() { ended <- r.conns.Shutdown(context.Background()) }()
		for !r.conns.isStopping() {
			time.Sleep(time.Millisecond)
		}
		l.SetDeadline(time.Unix(1, 0))
		close(l.gate)
		for _, c := range clients {
			exchange(t, c)
		}
		if err := nettest.Receive(t, ended, "Shutdown"); err != nil {
			t.Error(err)
		}
		r.wantServed(t)
	}
}

// deadlineListener ignores its deadline, which a test reports through Errs.
type deadlineListener struct{ *nettest.PipeListener }

func (deadlineListener) SetDeadline(time.Time) error { return nil }

// sendUnlessClosed sends v to the next Accept of l, and fails the test if l is closed.
func sendUnlessClosed[T any](t *testing.T, l deadlineListener, ch chan<- T, v T) {
	t.Helper()
	select {
	case ch <- v:
	case <-l.Closed:
		t.Fatal("the listener was closed after a temporary failure")
	}
}

// TestShutdownAfterAFailedAccept: a temporary failure of Accept, before or after Shutdown began,
// does not close the listener while connections wait in its queue.
func TestShutdownAfterAFailedAccept(t *testing.T) {
	for name, before := range map[string]int{"before": 9, "after": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := deadlineListener{nettest.NewPipeListener()}
				r := start(t, l, Service{Handle: echo})
				for range before {
					l.Errs <- errTooManyFiles
				}
				synctest.Wait()
				ended := make(chan error, 1)
				go func() { ended <- r.conns.Shutdown(t.Context()) }()
				synctest.Wait()
				sendUnlessClosed[error](t, l, l.Errs, errTooManyFiles)
				client, server := net.Pipe()
				sendUnlessClosed(t, l, l.Conns, server)
				exchange(t, client)
				l.Errs <- os.ErrDeadlineExceeded
				if err := <-ended; err != nil {
					t.Error(err)
				}
				r.wantServed(t)
			})
		})
	}
}

// TestShutdownBoundsFailedAccepts: Shutdown does not wait for ever for a shortage to end.
func TestShutdownBoundsFailedAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := deadlineListener{nettest.NewPipeListener()}
		r := start(t, l, Service{Handle: echo})
		synctest.Wait()
		began := time.Now()
		go r.conns.Shutdown(t.Context())
		synctest.Wait()
		for failing := true; failing; {
			select {
			case l.Errs <- errTooManyFiles:
			case <-l.Closed:
				failing = false
			}
		}
		if took := time.Since(began); took < time.Second/2 || took > 2*time.Second {
			t.Errorf("the accept loop ended after %v; want about a second", took)
		}
		r.wantServed(t)
	})
}

// TestHandOverLosesNoConnection: two servers on one socket, in turn shut down and replaced, answer
// every client.
func TestHandOverLosesNoConnection(t *testing.T) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	serve := func() *running {
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		copied, err := net.FileListener(f)
		if err != nil {
			t.Fatal(err)
		}
		return start(t, copied, Service{Handle: echo})
	}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := askOnce(l.Addr().String()); err != nil {
					t.Errorf("lost: %v", err)
					return
				}
			}
		})
	}
	current := serve()
	for range 50 {
		next := serve()
		if err := current.conns.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		current = next
	}
	close(stop)
	clients.Wait()
	if err := current.conns.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func askOnce(addr string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 1))
	return err
}
