package scgi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// waiting is an App that waits for the end of its context, or for release, and says which it was.
type waiting struct {
	entered chan bool
	release chan bool
	ended   chan error // the context's error, nil where release came first
}

func newWaiting() *waiting {
	return &waiting{entered: make(chan bool, 10), release: make(chan bool), ended: make(chan error, 10)}
}

func (a *waiting) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	done := r.Context().Done()
	a.entered <- true
	select {
	case <-done:
		a.ended <- r.Context().Err()
	case <-a.release:
		a.ended <- nil
	}
	return hello(w, r)
}

// A body that comes while the context is watched is read beside the watch.
func TestBodyIsReadBesideTheWatch(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		watched := make(chan bool)
		s := start(t, network, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			r.Context().Done()
			watched <- true
			if err := echo(w, r); err != nil {
				return err
			}
			return r.Context().Err()
		})})
		raw := request("0123456789")
		c := s.send(raw[:len(raw)-6])
		<-watched
		io.WriteString(c, raw[len(raw)-6:])
		got, err := io.ReadAll(c)
		if want := "Status: 200 OK\r\nContent-Length: 19\r\n\r\n0123456789|10 <nil>"; string(got) != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	})
}

func TestRequestTimeoutEndsTheContext(t *testing.T) {
	app := newWaiting()
	s := start(t, "unix", &Server{App: app, RequestTimeout: 20 * time.Millisecond})
	s.expect(request(""), helloAnswer)
	if err := <-app.ended; err != context.DeadlineExceeded {
		t.Errorf("got %v; want context.DeadlineExceeded", err)
	}
}

// The deadline is there also for an App that asks for no channel.
func TestRequestTimeoutWithoutDone(t *testing.T) {
	s := start(t, "unix", &Server{RequestTimeout: 20 * time.Millisecond, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		deadline, ok := r.Context().Deadline()
		before := r.Context().Err()
		time.Sleep(time.Until(deadline))
		_, err := fmt.Fprintf(w, "%v %v %v", ok, before, r.Context().Err())
		return err
	})})
	s.expect(request(""), "Status: 200 OK\r\nContent-Length: 36\r\n\r\ntrue <nil> context deadline exceeded")
}

func TestCloseEndsTheContext(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		app := newWaiting()
		s := start(t, network, &Server{App: app})
		s.send(request(""))
		<-app.entered
		s.Close()
		if err := <-app.ended; err != context.Canceled {
			t.Errorf("got %v; want context.Canceled", err)
		}
	})
}

// Everything that the App was given fails after it has returned, also a Read under way, so that no
// goroutine of it is left waiting.
func TestNothingOutlivesTheApp(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		type leftover struct {
			r    *gateway.Request
			read chan error
		}
		left := make(chan leftover, 1)
		s := start(t, network, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			l := leftover{r, make(chan error)}
			left <- l
			began := make(chan bool)
			go func() {
				p := make([]byte, 10)
				io.ReadFull(r.Stdin, p[:4]) // what has come
				close(began)
				_, err := r.Stdin.Read(p) // what never comes
				l.read <- err
			}()
			<-began
			return hello(w, r)
		})})
		raw := request("0123456789")
		c := s.send(raw[:len(raw)-6])
		l := <-left
		if err := <-l.read; !errors.Is(err, gateway.ErrFinished) {
			t.Errorf("the Read under way got %v; want gateway.ErrFinished", err)
		}
		if _, err := l.r.Stdin.Read(make([]byte, 1)); err != gateway.ErrFinished {
			t.Errorf("a later Read got %v; want gateway.ErrFinished", err)
		}
		<-l.r.Context().Done()
		c.(interface{ CloseWrite() error }).CloseWrite()
		if got, err := io.ReadAll(c); string(got) != helloAnswer || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}
