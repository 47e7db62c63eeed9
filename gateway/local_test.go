package gateway

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/util"
)

func TestLocal(t *testing.T) {
	for _, c := range []struct {
		name string
		app  AppFunc
		want string
	}{
		{"small", write("hello"), "Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
		{"silent", write(), "Status: 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"streamed", then(start("201 Made", "A", "b"), flush, write("a"), flush, write("b")), "Status: 201 Made\r\nA: b\r\n\r\nab"},
		{"failing", func(ResponseWriter, *Request) error { return errors.New("oops") }, errorPage500},
		{"echo", func(w ResponseWriter, r *Request) error { _, err := io.Copy(w, r.Stdin); return err }, "Status: 200 OK\r\nContent-Length: 3\r\n\r\nabc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &BaseCGIHandler{Environ: environ("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "3"), Stdin: strings.NewReader("abc")}
			got := runHandler(h, Forward(Local(c.app)).ServeGateway)
			if got.out != c.want || got.err != nil {
				t.Errorf("got %q, %v; want %q", got.out, got.err, c.want)
			}
		})
	}
}

func TestLocalBreaksOff(t *testing.T) {
	app := then(write("abc"), flush, func(ResponseWriter, *Request) error { return ErrAbort })
	got := run("GET", Forward(Local(app)).ServeGateway)
	if !errors.Is(got.err, ErrBroken) || got.out != "Status: 200 OK\r\n\r\nabc" {
		t.Errorf("got %q, %v", got.out, got.err)
	}
	r := &Request{Environ: util.NewEnviron(), Stderr: io.Discard}
	if _, err := Local(AppFunc(func(ResponseWriter, *Request) error { return ErrAbort })).RoundTrip(r); err == nil {
		t.Error("an aborted response has a head")
	}
}

// TestLocalDeaf: an App that ignores its context does not block its caller.
func TestLocalDeaf(t *testing.T) {
	release, ended := make(chan struct{}), make(chan struct{})
	app := AppFunc(func(w ResponseWriter, r *Request) error {
		defer close(ended)
		w.Flush()
		<-release
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	r := &Request{Environ: util.NewEnviron(), Stderr: io.Discard}
	resp, err := Local(app).RoundTrip(r.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.ReadAll(resp.Body)
	if b := (*BackendError)(nil); !errors.As(err, &b) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want a BackendError because of the context", err)
	}
	resp.Body.Close()
	close(release)
	<-ended
}

// TestLocalClose: closing the body early, or ending the context, ends the App.
func TestLocalClose(t *testing.T) {
	ended := make(chan error)
	app := AppFunc(func(w ResponseWriter, r *Request) error {
		w.Flush()
		<-r.Context().Done()
		_, err := w.Write(make([]byte, 10*headBuffer))
		ended <- err
		return err
	})
	r := &Request{Environ: util.NewEnviron(), Stderr: io.Discard}
	resp, err := Local(app).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := <-ended; !PeerGone(err) {
		t.Errorf("got %v; want an error of a peer that is gone", err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	silent := AppFunc(func(w ResponseWriter, r *Request) error { <-r.Context().Done(); ended <- nil; return ErrAbort })
	go func() { <-ended }()
	if _, err := Local(silent).RoundTrip(r.WithContext(ctx)); err == nil {
		t.Error("got a response although the context has ended")
	}
}

// TestLocalFailsBehindItsHead: a head that was sent is returned even if a failure follows at once.
func TestLocalFailsBehindItsHead(t *testing.T) {
	r := &Request{Environ: util.NewEnviron(), Stderr: io.Discard}
	for range 200 {
		resp, err := Local(then(start("201 Made"), flush, func(ResponseWriter, *Request) error { return ErrAbort })).RoundTrip(r)
		if err != nil {
			t.Fatalf("got %v; want the head", err)
		}
		var b *BackendError
		if _, err := io.ReadAll(resp.Body); resp.Status != "201 Made" || !errors.As(err, &b) {
			t.Fatalf("got %q, %v; want a body that breaks off", resp.Status, err)
		}
		resp.Body.Close()
	}
}

// TestLocalGoexit: an App that ends its goroutine does not leave its caller waiting.
func TestLocalGoexit(t *testing.T) {
	leave := func(ResponseWriter, *Request) error { runtime.Goexit(); return nil }
	r := &Request{Environ: util.NewEnviron(), Stderr: io.Discard}
	resp, err := Local(AppFunc(leave)).RoundTrip(r)
	if err != nil || !strings.HasPrefix(resp.Status, "500 ") {
		t.Errorf("before the head: got %v, %v; want the error page", resp, err)
	}
	resp.Body.Close()
	resp, err = Local(then(flush, leave)).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("after the head: the body ended as if it were whole")
	}
	resp.Body.Close()
}

// TestLocalCopiesTheEnviron: the rules and the App change only a copy of the environ.
func TestLocalCopiesTheEnviron(t *testing.T) {
	r := &Request{Environ: environ("HTTP_PROXY", "x", "A", "1"), Stderr: io.Discard}
	app := AppFunc(func(w ResponseWriter, r *Request) error { r.Environ.Set("A", "2"); return nil })
	resp, err := Local(app).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := strings.Join(r.Environ.List(), " "); got != "HTTP_PROXY=x A=1" {
		t.Errorf("the caller's environ became %q", got)
	}
}

// TestLocalHeadIsACopy: later changes of the fields by the App do not change the Response.
func TestLocalHeadIsACopy(t *testing.T) {
	app := then(start("200 OK", "A", "1"), flush, func(w ResponseWriter, r *Request) error { return w.Headers().Set("A", "2") })
	resp, err := Local(app).RoundTrip(&Request{Environ: util.NewEnviron(), Stderr: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil || resp.Headers.Get("A") != "1" {
		t.Errorf("got A %q, %v; want 1", resp.Headers.Get("A"), err)
	}
}

// TestLocalNobodyWaits: when its caller has left, a Write of the App fails and does not block.
func TestLocalNobodyWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	begun, left, ended := make(chan bool), make(chan bool), make(chan error)
	app := AppFunc(func(w ResponseWriter, r *Request) error {
		begun <- true
		<-left
		_, err := w.Write(make([]byte, 2*headBuffer))
		ended <- err
		return err
	})
	go func() { <-begun; cancel() }()
	r := &Request{Environ: util.NewEnviron(), Stderr: io.Discard}
	if _, err := Local(app).RoundTrip(r.WithContext(ctx)); err != context.Canceled {
		t.Errorf("got %v; want Canceled", err)
	}
	close(left)
	if err := <-ended; !PeerGone(err) {
		t.Errorf("got %v; want an error of a peer that is gone", err)
	}
}
