package fastcgi_test

import (
	"context"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

func TestShutdown(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			if r.Environ.Get("REQUEST_URI") == "/slow" {
				return p.ServeGateway(w, r)
			}
			return hello(w, r)
		})})
		idle := dial(t, srv.addr).send(get(1, keepConn, "/"))
		idle.whole(1)
		active := dial(t, srv.addr).send(get(1, keepConn, "/slow"))
		wait(t, p.called, "the App")

		down := make(chan error, 1)
		go func() { down <- srv.Shutdown(context.Background()) }()
		if err := wait(t, srv.served, "Serve"); err != fastcgi.ErrServerClosed {
			t.Errorf("Serve returned %v; want ErrServerClosed", err)
		}
		idle.ended()
		active.send(get(2, keepConn, "/more"))
		if r := active.next(); r.id != 2 || r.kind != typeEnd || r.content[4] != 1 {
			t.Errorf("a new request got %+v; want CANT_MPX_CONN", r)
		}
		if len(down) != 0 {
			t.Errorf("Shutdown did not wait for the request under way")
		}
		close(p.release)
		if got := body(active.whole(1)); got != "hello /slow" {
			t.Errorf("the request under way got %q", got)
		}
		active.ended()
		active.Close()
		if err := wait(t, down, "Shutdown"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := srv.ListenAndServe(); err != fastcgi.ErrServerClosed {
			t.Errorf("ListenAndServe after Shutdown: %v; want ErrServerClosed", err)
		}
	})
}

func TestCloseCancels(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := start(t, &fastcgi.Server{App: p})
		c := dial(t, srv.addr).send(get(1, keepConn, "/"))
		wait(t, p.called, "the App")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := srv.Shutdown(ctx); err != context.Canceled {
			t.Errorf("Shutdown with an ended context: %v", err)
		}
		srv.Close()
		if err := wait(t, p.returned, "the App's end"); err != context.Canceled {
			t.Errorf("the App returned %v", err)
		}
		if r, err := c.read(); err != errBroken {
			t.Errorf("read %+v, %v; want the mark of a response that is not whole", r, err)
		}
	})
}

// failingListener fails once, as one does when the process has too many files.
type failingListener struct {
	net.Listener
	failed bool
}

func (l *failingListener) Accept() (net.Conn, error) {
	if !l.failed {
		l.failed = true
		return nil, &net.OpError{Op: "accept", Err: syscall.ECONNABORTED}
	}
	return l.Listener.Accept()
}

// TestAcceptIsTriedAgain checks F37.
func TestAcceptIsTriedAgain(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := startOn(t, &failingListener{Listener: l}, &fastcgi.Server{App: gateway.AppFunc(hello)})
		if got := body(dial(t, srv.addr).send(get(1, 0, "/")).whole(1)); got != "hello /" {
			t.Errorf("got %q", got)
		}
	})
}

func TestListenAndServe(t *testing.T) {
	if err := fastcgi.ListenAndServe("scgi://127.0.0.1:0", gateway.AppFunc(hello)); err == nil || !strings.Contains(err.Error(), "scgi") {
		t.Errorf("an address of another protocol gave %v", err)
	}
	s := engineOf(t, &fastcgi.Server{App: gateway.AppFunc(hello), Addr: "fastcgi://127.0.0.1:0"})
	served := make(chan error, 1)
	go func() { served <- s.ListenAndServe() }()
	s.Close() // before or after it listens
	if err := wait(t, served, "ListenAndServe"); err != fastcgi.ErrServerClosed {
		t.Errorf("got %v", err)
	}
}

// TestCloseEndsAWrite closes the server while an App waits for its client. For the App the client
// has gone, which is not a failure.
func TestCloseEndsAWrite(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		failed := make(chan error, 1)
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					failed <- err
					return err
				}
			}
		})
		c := dial(t, srv.addr).send(get(1, keepConn, "/"))
		c.next()
		srv.Close()
		if err := wait(t, failed, "the App"); !gateway.PeerGone(err) {
			t.Errorf("got %v; want an error that says that nobody is there", err)
		}
		if srv.stop(t); srv.log.lines() != 0 {
			t.Errorf("logged %q", srv.log)
		}
	})
}
