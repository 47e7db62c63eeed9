package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// ended returns a context that has ended with the given cause; nil means context.Canceled.
func ended(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}

// late returns a context whose deadline has passed.
func late(t *testing.T) context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	t.Cleanup(cancel)
	return ctx
}

func TestContextError(t *testing.T) {
	shutdown := errors.New("the middleware's own")
	for _, c := range []struct {
		name   string
		ctx    context.Context
		status string
		wraps  []error
	}{
		{"the client went away", ended(ErrClientGone), "499", []error{ErrClientGone, context.Canceled}},
		{"net/http's client went away", ended(nil), "499", []error{ErrClientGone, context.Canceled}},
		{"shutdown", ended(ErrServerClosed), "503", []error{ErrServerClosed, context.Canceled}},
		{"another cause", ended(shutdown), "503", []error{shutdown, context.Canceled}},
		{"deadline", late(t), "504", []error{context.DeadlineExceeded}},
	} {
		err := ContextError(c.ctx)
		status, _ := ErrorPage(err)
		if !strings.HasPrefix(status, c.status+" ") {
			t.Errorf("%s: got %q of %v; want %s", c.name, status, err, c.status)
		}
		for _, want := range c.wraps {
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, which does not wrap %v", c.name, err, want)
			}
		}
		if c.status != "499" && errors.Is(err, ErrClientGone) {
			t.Errorf("%s: got %v; want no ErrClientGone", c.name, err)
		}
	}
	if err := ContextError(context.Background()); err != nil {
		t.Errorf("a context that goes on: got %v", err)
	}
}

// failing returns an App that reads its body and returns the error, wrapped by how.
func failing(how func(error) error) App {
	return AppFunc(func(w ResponseWriter, r *Request) error {
		_, err := io.ReadAll(r.Stdin)
		return how(err)
	})
}

func asItIs(err error) error    { return err }
func asDetail(err error) error  { return fmt.Errorf("reading the form: %w", err) }
func asBackend(err error) error { return &BackendError{Status: 502, Reason: "broke off", Err: err} }
func asBody(err error) error    { return &BodyError{err} }

// TestBlameForTheBody: neither an App nor a Backend must tell whose fault an incomplete body is.
func TestBlameForTheBody(t *testing.T) {
	for _, c := range []struct {
		name   string
		stdin  error // after three bytes of ten
		ctx    context.Context
		status string
	}{
		{"cut short", io.EOF, context.Background(), "400"},
		{"cut short, as the context knows", io.EOF, ended(nil), "400"},
		{"no chunk", errors.New("malformed chunked encoding"), context.Background(), "400"},
		{"silent", fmt.Errorf("read: %w", os.ErrDeadlineExceeded), context.Background(), "408"},
		{"too large", &BodyTooLargeError{Limit: 3}, context.Background(), "413"},
		{"the server's own trouble", &ServerError{Status: 503, Reason: "no room"}, context.Background(), "503"},
		{"shutdown", io.EOF, ended(ErrServerClosed), "503"},
	} {
		for how, wrap := range map[string]func(error) error{"as it is": asItIs, "wrapped": asDetail, "by a Backend": asBackend, "by a Backend that knows": asBody} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				log := new(strings.Builder)
				out := new(strings.Builder)
				h := &BaseCGIHandler{
					Environ: environ("CONTENT_LENGTH", "10"),
					Stdin:   io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(c.stdin)),
					Stdout:  out,
					Stderr:  log,
				}
				err := h.Run(c.ctx, failing(wrap))
				if err != nil || !strings.HasPrefix(out.String(), "Status: "+c.status+" ") {
					t.Errorf("got %q, %v; want %s", out, err, c.status)
				}
				if n := strings.Count(log.String(), "\n"); n != 1 && c.name != "shutdown" || n > 1 {
					t.Errorf("got the log %q; want one line, and none for a shutdown", log)
				}
			})
		}
	}
}

// TestClientGone: if a client has left, nothing is sent and nothing is logged, whatever failed
// then.
func TestClientGone(t *testing.T) {
	for _, cause := range []error{ErrClientGone, nil} {
		for how, wrap := range map[string]func(error) error{"as it is": asItIs, "wrapped": asDetail, "by a Backend": asBackend} {
			log, out := new(strings.Builder), new(strings.Builder)
			h := &BaseCGIHandler{Environ: environ(), Stdout: out, Stderr: log}
			err := h.Run(ended(cause), AppFunc(func(w ResponseWriter, r *Request) error {
				io.WriteString(w, "not committed")
				<-r.Context().Done()
				return wrap(r.Context().Err())
			}))
			if out.Len() > 0 || log.Len() > 0 || !errors.Is(err, ErrBroken) || !PeerGone(err) {
				t.Errorf("%s, cause %v: got %q, log %q, %v; want nothing and ErrBroken", how, cause, out, log, err)
			}
		}
	}
}

// TestFailureOfItsOwn: a failure of the App itself is logged and gets a page, even if the client
// leaves.
func TestFailureOfItsOwn(t *testing.T) {
	log, out := new(strings.Builder), new(strings.Builder)
	h := &BaseCGIHandler{Environ: environ(), Stdout: out, Stderr: log}
	err := h.Run(ended(ErrClientGone), AppFunc(func(ResponseWriter, *Request) error { return errors.New("oops") }))
	if err != nil || !strings.HasPrefix(out.String(), "Status: 500 ") || strings.Count(log.String(), "oops") != 1 {
		t.Errorf("got %q, log %q, %v", out, log, err)
	}
}

// TestBlameWhileReading: net/http ends the context before the failed Read of the body returns. The
// blame must be the same if a Backend sees the end of the context first.
func TestBlameWhileReading(t *testing.T) {
	for want, failure := range map[string]error{"400 ": io.ErrUnexpectedEOF, "408 ": os.ErrDeadlineExceeded} {
		ctx, cancel := context.WithCancel(context.Background())
		client, sent := io.Pipe()
		h := &BaseCGIHandler{Environ: environ("CONTENT_LENGTH", "10"), Stdin: client, Stdout: io.Discard, Stderr: io.Discard}
		h.Run(ctx, AppFunc(func(w ResponseWriter, r *Request) error {
			done := make(chan struct{})
			go func() {
				defer close(done)
				io.ReadAll(r.Stdin)
			}()
			sent.Write([]byte("abc")) // returns when a Read has them; the next Read then waits
			for r.Stdin.(*body).mu.TryLock() {
				r.Stdin.(*body).mu.Unlock()
				runtime.Gosched()
			}
			cancel()
			go sent.CloseWithError(failure)
			err := Blame(r, ContextError(r.Context()))
			if status, _ := ErrorPage(err); !strings.HasPrefix(status, want) {
				t.Errorf("got %v, which is %q; want %s", err, status, want)
			}
			<-done
			return nil
		}))
		client.Close()
	}
}

// TestBlameDrains: if the transport knows that the client has gone, the bytes that it had sent
// decide whether the body is complete, even if they were not read.
func TestBlameDrains(t *testing.T) {
	for _, c := range []struct{ name, length, want string }{{"all sent", "3", "499 "}, {"more to come", "10", "400 "}} {
		h := &BaseCGIHandler{Environ: environ("CONTENT_LENGTH", c.length), Stdin: strings.NewReader("abc"), Stdout: io.Discard, Stderr: io.Discard}
		h.Run(ended(ErrClientGone), AppFunc(func(w ResponseWriter, r *Request) error {
			err := Blame(r, ContextError(r.Context()))
			if status, _ := ErrorPage(err); !strings.HasPrefix(status, c.want) {
				t.Errorf("%s: got %v, which is %q; want %s", c.name, err, status, c.want)
			}
			return nil
		}))
	}
}
