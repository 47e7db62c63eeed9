package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/headers"
)

func TestFailureBeforeTheHead(t *testing.T) {
	for _, c := range []struct {
		name   string
		app    AppFunc
		want   string // the response begins with it
		logged string
	}{
		{"error", func(ResponseWriter, *Request) error { return errors.New("oops") }, errorPage500, `"GET" "/x": oops`},
		{"error after a small write", then(write("secret"), func(ResponseWriter, *Request) error { return errors.New("oops") }), errorPage500, "oops"},
		{"panic", func(ResponseWriter, *Request) error { panic("boom") }, errorPage500, "panic: boom\npanic("},
		{"nil panic", func(ResponseWriter, *Request) error { panic(nil) }, errorPage500, "panic"},
		{"backend 502", func(ResponseWriter, *Request) error { return &BackendError{Status: 502, Reason: "no answer"} }, "Status: 502 Bad Gateway\r\n", "no answer"},
		{"backend 504, wrapped", func(ResponseWriter, *Request) error {
			return fmt.Errorf("x: %w", &BackendError{Status: 504, Reason: "too slow", Err: errors.New("secret")})
		}, "Status: 504 Gateway Timeout\r\n", "too slow: secret"},
		{"length required", func(ResponseWriter, *Request) error { return ErrLengthRequired }, "Status: 411 Length Required\r\n", "unknown"},
		{"control characters in the log", func(ResponseWriter, *Request) error { return errors.New("a\nb\x1b[31m") }, errorPage500, `: a b [31m`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run("GET", c.app)
			if !strings.HasPrefix(got.out, c.want) || got.err != nil {
				t.Errorf("got %q, %v; want %q", got.out, got.err, c.want)
			}
			if strings.Contains(got.out, "secret") {
				t.Errorf("the page tells too much: %q", got.out)
			}
			if !strings.Contains(got.log, c.logged) {
				t.Errorf("got log %q; want %q in it", got.log, c.logged)
			}
		})
	}
}

func TestErrorPageForHead(t *testing.T) {
	got := run("HEAD", func(ResponseWriter, *Request) error { return errors.New("oops") })
	want, _, _ := strings.Cut(errorPage500, "\r\n\r\n")
	if got.out != want+"\r\n\r\n" {
		t.Errorf("got %q; want %q", got.out, want)
	}
}

func TestErrorHooks(t *testing.T) {
	oops := AppFunc(func(w ResponseWriter, r *Request) error { return errors.New("oops") })
	env := func() BaseCGIHandler { return BaseCGIHandler{Environ: environ("REQUEST_METHOD", "GET")} }

	h := env()
	h.ErrorStatus, h.ErrorBody, h.ErrorHeaders = "503 Later", "later", []headers.Field{{Name: "Retry-After", Value: "1"}}
	if got := runHandler(&h, oops); got.out != "Status: 503 Later\r\nRetry-After: 1\r\nContent-Length: 5\r\n\r\nlater" {
		t.Errorf("status, headers and body: got %q", got.out)
	}

	h = env()
	h.ErrorOutput = write("own page")
	if got := runHandler(&h, oops); got.out != "Status: 500 Internal Server Error\r\nContent-Length: 8\r\n\r\nown page" {
		t.Errorf("ErrorOutput: got %q", got.out)
	}

	h = env()
	h.ErrorOutput = start("303 See Other", "Location", "/sorry")
	if got := runHandler(&h, oops); got.out != "Status: 303 See Other\r\nLocation: /sorry\r\nContent-Length: 0\r\n\r\n" {
		t.Errorf("ErrorOutput with a status: got %q", got.out)
	}

	h = env()
	h.ErrorOutput = AppFunc(func(ResponseWriter, *Request) error { return ErrAbort })
	if got := runHandler(&h, oops); got.out != "" || !errors.Is(got.err, ErrAbort) || strings.Count(got.log, "\n") != 1 {
		t.Errorf("aborting ErrorOutput: got %q, %v, log %q", got.out, got.err, got.log)
	}

	for _, status := range []string{"103 Early Hints", "oops"} {
		h = env()
		h.ErrorStatus = status
		if got := runHandler(&h, oops); !strings.HasPrefix(got.out, "Status: 500 ") {
			t.Errorf("ErrorStatus %q: got %q", status, got.out)
		}
	}

	h = env()
	h.ErrorOutput = AppFunc(func(ResponseWriter, *Request) error { panic("in the page") })
	if got := runHandler(&h, oops); got.out != errorPage500 || got.err != nil || !strings.Contains(got.log, "in the page") {
		t.Errorf("failing ErrorOutput: got %q, %v, log %q", got.out, got.err, got.log)
	}

	h = env()
	h.ErrorOutput = then(flush, AppFunc(func(ResponseWriter, *Request) error { panic("late") }))
	if got := runHandler(&h, oops); !errors.Is(got.err, ErrBroken) || strings.Count(got.out, "Status:") != 1 {
		t.Errorf("late failure of ErrorOutput: got %q, %v", got.out, got.err)
	}

	h = env()
	var logged error
	var stack []byte
	h.LogException = func(r *Request, err error, s []byte) { logged, stack = err, s }
	if got := runHandler(&h, oops); logged == nil || logged.Error() != "oops" || stack != nil || got.log != "" {
		t.Errorf("LogException: got %v, %q, log %q", logged, stack, got.log)
	}
}

func recurse(n int) {
	if n == 0 {
		panic("deep")
	}
	recurse(n - 1)
}

func TestTracebackLimit(t *testing.T) {
	deep := AppFunc(func(ResponseWriter, *Request) error { recurse(100); return nil })
	for _, c := range []struct{ limit, frames int }{{0, 32}, {3, 3}, {-1, 0}} {
		h := BaseCGIHandler{TracebackLimit: c.limit, LogException: func(r *Request, err error, stack []byte) {
			if got := strings.Count(string(stack), "\n\t"); got != c.frames || c.frames == 0 && stack != nil {
				t.Errorf("limit %d: got %d frames; want %d in\n%s", c.limit, got, c.frames, stack)
			}
		}}
		runHandler(&h, deep)
	}
}

// TestPeerGone: the error of a client that went away is not logged, and nothing more is written.
func TestPeerGone(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		logged bool
	}{
		{"EPIPE", fmt.Errorf("write: %w", syscall.EPIPE), false},
		{"ECONNRESET", syscall.ECONNRESET, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := &failingWriter{limit: 20, err: c.err}
			got := runHandler(&BaseCGIHandler{Environ: environ(), Stdout: out}, write(strings.Repeat("x", 3*headBuffer)))
			if !errors.Is(got.err, ErrBroken) || !errors.Is(got.err, c.err) || !PeerGone(got.err) {
				t.Errorf("got %v; want ErrBroken, %v and PeerGone", got.err, c.err)
			}
			if got.log != "" {
				t.Errorf("got log %q; want none", got.log)
			}
		})
	}
	own := errors.New("own")
	got := runHandler(&BaseCGIHandler{Stdout: &failingWriter{err: syscall.EPIPE}}, then(func(w ResponseWriter, r *Request) error {
		w.Flush()
		return own
	}))
	if !strings.Contains(got.log, "own") {
		t.Errorf("got log %q; want the app's own error, which is not the peer's doing", got.log)
	}
}

// TestCanceledInside: an App that fails because it canceled its own work is logged like any other.
func TestCanceledInside(t *testing.T) {
	got := run("GET", func(ResponseWriter, *Request) error { return fmt.Errorf("query: %w", context.Canceled) })
	if !strings.Contains(got.log, "query") || got.out != errorPage500 {
		t.Errorf("got %q, log %q; want the error page and a line", got.out, got.log)
	}
}

func TestCanceledIsNotLogged(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var log strings.Builder
	h := &BaseCGIHandler{Stdout: &strings.Builder{}, Stderr: &log}
	h.Run(ctx, AppFunc(func(w ResponseWriter, r *Request) error {
		w.Flush()
		cancel()
		return fmt.Errorf("query: %w", r.Context().Err())
	}))
	if log.Len() > 0 {
		t.Errorf("got log %q; want none", log.String())
	}
}

// fragile is an error whose methods panic if it is nil.
type fragile struct{ error }

func (f *fragile) Error() string { return f.error.Error() }
func (f *fragile) Unwrap() error { return f.error }

// TestPanicsBehindTheApp: neither the values that an App leaves nor a hook makes the transport
// panic.
func TestPanicsBehindTheApp(t *testing.T) {
	oops := func(ResponseWriter, *Request) error { return errors.New("oops") }
	for _, c := range []struct {
		name    string
		app     AppFunc
		handler BaseCGIHandler
		logged  string
	}{
		{"nil pointer as an error", func(ResponseWriter, *Request) error { return (*fragile)(nil) }, BaseCGIHandler{}, "nil pointer"},
		{"nil pointer inside an error", func(ResponseWriter, *Request) error { return &fragile{} }, BaseCGIHandler{}, "nil pointer"},
		{"nil BackendError", func(ResponseWriter, *Request) error { return (*BackendError)(nil) }, BaseCGIHandler{}, "nil pointer"},
		{"panic with such an error", func(ResponseWriter, *Request) error { panic((*fragile)(nil)) }, BaseCGIHandler{}, "panic: <nil>"},
		{"LogException", oops, BaseCGIHandler{LogException: func(*Request, error, []byte) { panic("hook") }}, "oops; LogException: panic: hook"},
		{"Stderr", oops, BaseCGIHandler{Stderr: panickingWriter{}}, ""},
		{"LogException and Stderr", oops, BaseCGIHandler{LogException: func(*Request, error, []byte) { panic("hook") }, Stderr: panickingWriter{}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := runHandler(&c.handler, c.app)
			if got.out != errorPage500 || got.err != nil || !strings.Contains(got.log, c.logged) {
				t.Errorf("got %q, %v, log %q; want the error page and %q", got.out, got.err, got.log, c.logged)
			}
		})
	}
	got := runHandler(&BaseCGIHandler{Stdout: panickingWriter{}}, write("x"))
	if !errors.Is(got.err, ErrBroken) || !strings.Contains(got.log, "in Write") {
		t.Errorf("Stdout: got %v, log %q; want ErrBroken and the panic", got.err, got.log)
	}
}

type panickingWriter struct{}

func (panickingWriter) Write([]byte) (int, error) { panic("in Write") }

// TestGoexit: if an App ends its goroutine, the client still gets an answer, and only one.
func TestGoexit(t *testing.T) {
	for _, c := range []struct {
		name   string
		before AppFunc
		want   string
	}{
		{"before the head", write("x"), errorPage500},
		{"after it", flush, "Status: 200 OK\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, log strings.Builder
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				h := &BaseCGIHandler{Stdout: &out, Stderr: &log}
				h.Run(context.Background(), then(c.before, func(ResponseWriter, *Request) error { runtime.Goexit(); return nil }))
			}()
			<-ended
			if out.String() != c.want || strings.Count(log.String(), "Goexit") != 1 {
				t.Errorf("got %q, log %q; want %q and one line", out.String(), log.String(), c.want)
			}
		})
	}
}

// TestPeerOfTheApp: if an App failed because its own backend went away, the client must see the
// break.
func TestPeerOfTheApp(t *testing.T) {
	got := run("GET", then(write("abc"), flush, func(ResponseWriter, *Request) error {
		return &BackendError{Status: 502, Reason: "reset", Err: syscall.ECONNRESET}
	}))
	if !errors.Is(got.err, ErrBroken) || PeerGone(got.err) || !errors.Is(got.err, syscall.ECONNRESET) {
		t.Errorf("got %v, PeerGone %v; want ErrBroken and a peer that is still there", got.err, PeerGone(got.err))
	}
	if !strings.Contains(got.log, "reset") {
		t.Errorf("got log %q; want the reason", got.log)
	}
}

// TestBrokenInside: an App that returns the error of an inner Run gets an error page too.
func TestBrokenInside(t *testing.T) {
	inner := func(ResponseWriter, *Request) error {
		h := &BaseCGIHandler{Stdout: &failingWriter{err: syscall.EPIPE}}
		return h.Run(context.Background(), write("x"))
	}
	got := runHandler(&BaseCGIHandler{ErrorOutput: AppFunc(inner)}, inner)
	if got.out != errorPage500 || got.err != nil {
		t.Errorf("got %q, %v; want the error page", got.out, got.err)
	}
}

// TestStdoutFailures: which failures of Stdout are logged.
func TestStdoutFailures(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		err    error
		logged bool
	}{
		{"full disk", context.Background(), syscall.ENOSPC, true},
		{"gone", context.Background(), syscall.EPIPE, false},
		{"write timeout", context.Background(), os.ErrDeadlineExceeded, false},
		{"ended by the transport", ended, os.ErrClosed, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			h := &BaseCGIHandler{Stdout: &failingWriter{err: fmt.Errorf("write: %w", c.err)}, Stderr: &log}
			err := h.Run(c.ctx, write("x"))
			if !errors.Is(err, c.err) || c.logged != (log.Len() > 0) {
				t.Errorf("got %v, log %q; want logged %v", err, log.String(), c.logged)
			}
		})
	}
}

// TestRefused: Refused is called once for a request without the App, with the answer.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		h    BaseCGIHandler
		app  App
		want string
	}{
		{"answered", BaseCGIHandler{}, write("hello"), ""},
		{"the App's own failure", BaseCGIHandler{}, AppFunc(func(ResponseWriter, *Request) error { return &RequestError{Reason: "no"} }), ""},
		{"malformed length", BaseCGIHandler{Environ: environ("CONTENT_LENGTH", "x")}, write("hello"), "400 34"},
		{"body too large", BaseCGIHandler{Environ: environ("CONTENT_LENGTH", "9"), MaxBodyBytes: 5}, write("hello"), "413 31"},
		{"HEAD", BaseCGIHandler{Environ: environ("CONTENT_LENGTH", "9", "REQUEST_METHOD", "HEAD"), MaxBodyBytes: 5}, write("hello"), "413 0"},
		{"by the server", BaseCGIHandler{}, Refuse(nil, ErrLengthRequired), "411 50"},
	} {
		told := ""
		c.h.Refused = func(f *Refusal) { told += fmt.Sprint(f.Status, " ", f.Bytes) }
		var out bytes.Buffer
		c.h.Stdout, c.h.Stderr = &out, io.Discard
		if err := c.h.Run(t.Context(), c.app); err != nil || told != c.want {
			t.Errorf("%s: told %q, %v; want %q", c.name, told, err, c.want)
		}
		if status, _, _ := strings.Cut(c.want, " "); !strings.HasPrefix(out.String(), "Status: "+status) {
			t.Errorf("%s: got %q", c.name, out.String())
		}
	}
}

// TestRequestFailure: ErrorOutput gets the same failure as LogException, and no other App gets it.
func TestRequestFailure(t *testing.T) {
	oops := errors.New("oops")
	for name, app := range map[string]AppFunc{
		"error": func(_ ResponseWriter, r *Request) error { return oops },
		"panic": func(_ ResponseWriter, r *Request) error { panic(oops) },
	} {
		var logged Failure
		called := false
		h := &BaseCGIHandler{
			LogException: func(_ *Request, err error, stack []byte) { logged = Failure{err, stack} },
			ErrorOutput: AppFunc(func(w ResponseWriter, r *Request) error {
				called = true
				f := r.WithContext(t.Context()).Failure()
				if f == nil || !errors.Is(f.Err, oops) || f.Err != logged.Err || !bytes.Equal(f.Stack, logged.Stack) || (f.Stack != nil) != (name == "panic") {
					t.Errorf("%s: got %+v; want what LogException got: %+v", name, f, logged)
				}
				return nil
			}),
		}
		got := runHandler(h, func(w ResponseWriter, r *Request) error {
			if r.Failure() != nil {
				t.Errorf("%s: the App has the Failure %v", name, r.Failure())
			}
			return app(w, r)
		})
		if !called || got.err != nil {
			t.Errorf("%s: ErrorOutput was called: %v; %v", name, called, got.err)
		}
	}
	// The built-in page has neither the error nor the stack.
	got := run("GET", func(ResponseWriter, *Request) error { panic("secret") })
	if strings.Contains(got.out, "secret") || strings.Contains(got.out, "panic") || strings.Contains(got.out, ".go:") {
		t.Errorf("the built-in page tells %q", got.out)
	}
}
