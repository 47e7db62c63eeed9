package gateway

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/headers"
)

// backendFunc is a Backend made of a function.
type backendFunc func(r *Request) (*Response, error)

func (f backendFunc) RoundTrip(r *Request) (*Response, error) { return f(r) }

// replies is a Backend that always gives the same bytes.
func replies(stdout string) Backend {
	return backendFunc(func(r *Request) (*Response, error) {
		return ReadResponse(io.NopCloser(strings.NewReader(stdout)), 0)
	})
}

func TestForward(t *testing.T) {
	for _, c := range []struct{ name, backend, want string }{
		{"as it is", "Status: 404 Gone Fishing\r\nb: 1\r\nA: 2\r\nContent-Length: 2\r\n\r\nhi", "Status: 404 Gone Fishing\r\nb: 1\r\nA: 2\r\nContent-Length: 2\r\n\r\nhi"},
		{"no status", "Content-Type: a/b\n\nhi", "Status: 200 OK\r\nContent-Type: a/b\r\n\r\nhi"},
		{"no reason", "Status: 404\n\n", "Status: 404 \r\n\r\n"},
		{"redirect (C34)", "Location: http://x/\n\n", "Status: 302 Found\r\nLocation: http://x/\r\n\r\n"},
		{"hop-by-hop fields go (C39)", "Status: 200 OK\nConnection: close\nTransfer-Encoding: chunked\nA: b\nContent-Length: 0\n\n", "Status: 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n"},
		{"more than declared (C40)", "Status: 200 OK\nContent-Length: 1\n\nab", errorPage500},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run("GET", Forward(replies(c.backend)).ServeGateway)
			if got.out != c.want || got.err != nil {
				t.Errorf("got %q, %v; want %q", got.out, got.err, c.want)
			}
		})
	}
}

func TestForwardFailures(t *testing.T) {
	fail := func(err error) Backend {
		return backendFunc(func(*Request) (*Response, error) { return nil, err })
	}
	got := run("GET", Forward(fail(&BackendError{Status: 503, Reason: "no room"})).ServeGateway)
	if !strings.HasPrefix(got.out, "Status: 503 Service Unavailable\r\n") || !strings.HasSuffix(got.out, "\r\n\r\nNo room.\n") {
		t.Errorf("got %q", got.out)
	}
	brokenOff := backendFunc(func(*Request) (*Response, error) {
		body := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(&BackendError{Status: 502, Reason: "broke off"}))
		return &Response{Status: "200 OK", Headers: headers.New(), Body: io.NopCloser(body)}, nil
	})
	got = run("GET", Forward(brokenOff).ServeGateway)
	if !errors.Is(got.err, ErrBroken) || got.out != "Status: 200 OK\r\n\r\nabc" {
		t.Errorf("got %q, %v; want a broken response (F40)", got.out, got.err)
	}
}

// TestForwardFlushes: what a backend sends piece by piece reaches the client piece by piece.
func TestForwardFlushes(t *testing.T) {
	out := &headStdout{}
	stream := backendFunc(func(*Request) (*Response, error) {
		body := iotest.OneByteReader(strings.NewReader("abc"))
		return &Response{Status: "200 OK", Headers: headers.New(), Body: io.NopCloser(body)}, nil
	})
	h := &BaseCGIHandler{Stdout: out}
	runHandler(h, Forward(stream).ServeGateway)
	if out.flushes != 4 || out.String() != "abc" {
		t.Errorf("got %q in %d flushes; want 4, the first for the head", out.String(), out.flushes)
	}
}

func TestBackendErrorTexts(t *testing.T) {
	inner := errors.New("dial: refused")
	err := &BackendError{Status: 502, Reason: "no answer", Err: inner}
	if err.Error() != "gateway: backend: no answer: dial: refused" || !errors.Is(err, inner) {
		t.Errorf("got %q", err.Error())
	}
	if status, text := (&BackendError{Status: 200, Reason: ""}).page(); status != "502 Bad Gateway" || text != ".\n" {
		t.Errorf("got %q, %q", status, text)
	}
}
