package fastcgi_test

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// TestConnectionIsReadForABody: while an App waits for its body, all other records of its
// connection are handled too.
func TestConnectionIsReadForABody(t *testing.T) {
	srv := start(t, &fastcgi.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		if r.Environ.Get("REQUEST_URI") != "/body" {
			return hello(w, r)
		}
		_, err := io.Copy(w, r.Stdin)
		return err
	})})
	c := dial(t, srv.addr).send(head(1, keepConn, "REQUEST_URI", "/body"))
	for range 3 {
		c.send(rec(typeStdin, 1, "piece "))
		if r := c.send(rec(typeGetValues, 0, "")).next(); r.kind != typeGetValuesResult {
			t.Errorf("got %+v; want the values", r)
		}
		if got := body(c.send(get(2, keepConn, "/other")).whole(2)); got != "hello /other" {
			t.Errorf("a request beside it got %q", got)
		}
	}
	if got := body(c.send(rec(typeStdin, 1, "")).whole(1)); got != "piece piece piece " {
		t.Errorf("got %q", got)
	}
}

// TestReadOutlivesTheApp: an App returns while another goroutine of it waits for the body, and so
// reads the connection. The Read fails at once, and the connection is kept for the next request.
func TestReadOutlivesTheApp(t *testing.T) {
	read, begun := make(chan error, 1), make(chan struct{})
	srv := start(t, &fastcgi.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		if r.Environ.Get("REQUEST_URI") != "/body" {
			return hello(w, r)
		}
		go func() {
			begun <- struct{}{}
			_, err := r.Stdin.Read(make([]byte, 1))
			read <- err
		}()
		<-begun
		return nil
	})})
	c := dial(t, srv.addr)
	for range 200 {
		c.send(head(1, keepConn, "REQUEST_URI", "/body")).whole(1)
		if err := wait(t, read, "the end of the Read"); !errors.Is(err, gateway.ErrFinished) {
			t.Fatalf("got %v; want ErrFinished", err)
		}
		if got := body(c.send(get(2, keepConn, "/next")).whole(2)); got != "hello /next" {
			t.Fatalf("the next request got %q", got)
		}
	}
}

// TestOtherRecordsExtendNoBodyWait: an App waits for its body for ReadTimeout, also if the web
// server sends other records meanwhile.
func TestOtherRecordsExtendNoBodyWait(t *testing.T) {
	read := make(chan error, 1)
	srv := start(t, &fastcgi.Server{ReadTimeout: 200 * time.Millisecond, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := r.Stdin.Read(make([]byte, 1))
		read <- err
		return err
	})})
	c := dial(t, srv.addr).send(head(1, keepConn, "REQUEST_URI", "/body"))
	for begun := time.Now(); time.Since(begun) < patience; {
		select {
		case err := <-read:
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v; want a timeout", err)
			}
			return
		default:
			c.send(rec(typeGetValues, 0, "")).next()
		}
	}
	t.Error("the App still waits")
}
