package cgi_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// script runs one of the test programs.
func script(t *testing.T, app string, env ...string) *cgi.Script {
	return &cgi.Script{Path: executable(t), Env: append(env, appVariable+"="+app, noRaceSleep)}
}

// request is what a gateway would hand to a Backend; a nil body is none, and its length is in the
// environ.
func request(method string, body []byte) *gateway.Request {
	e := util.EnvironFromMap(map[string]string{
		"REQUEST_METHOD": method, "SCRIPT_NAME": "/app", "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1",
	})
	r := &gateway.Request{Environ: e, Stdin: strings.NewReader(string(body)), Stderr: io.Discard}
	if body != nil {
		e.Set("CONTENT_LENGTH", strconv.Itoa(len(body)))
	}
	return r
}

// fetch performs one whole exchange.
func fetch(t *testing.T, b gateway.Backend, r *gateway.Request) (resp *gateway.Response, body string, err error) {
	t.Helper()
	if resp, err = b.RoundTrip(r); err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return resp, string(all), err
}

// TestScriptServe runs both sides of the protocol against each other.
func TestScriptServe(t *testing.T) {
	body10M := body10M()
	tests := []struct {
		name   string
		app    string
		method string
		body   []byte
		status string
		want   string
	}{
		{name: "GET", app: "hello", method: "GET", status: "200 OK", want: "Hello\n"},
		{name: "HEAD", app: "hello", method: "HEAD", status: "200 OK"},
		{name: "POST", app: "echo", method: "POST", body: []byte("a=1"), status: "200 OK", want: "a=1"},
		{name: "empty POST", app: "echo", method: "POST", body: []byte{}, status: "200 OK"},
		{name: "POST 10 MB", app: "echo-sum", method: "POST", body: body10M, status: "200 OK", want: sumOf(body10M)},
		{name: "C45 POST 10 MB, unread", app: "hello", method: "POST", body: body10M, status: "200 OK", want: "Hello\n"},
		{name: "C46 POST 10 MB, answered first", app: "big-then-read", method: "POST", body: body10M, status: "200 OK",
			want: strings.Repeat("x", big) + sumOf(body10M[10:])},
		{name: "C44 standard error of 100 KB", app: "noisy", method: "GET", status: "200 OK", want: "quiet\n"},
		{name: "error page", app: "panic-before", method: "GET", status: "500 Internal Server Error",
			want: "The server met an internal error and could not answer the request.\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resp, body, err := fetch(t, script(t, test.app), request(test.method, test.body))
			if err != nil {
				t.Fatal(err)
			}
			if resp.Status != test.status || body != test.want || resp.ExitStatus != 0 {
				t.Errorf("got %q, %.300q, exit status %d; want %q, %.300q, 0", resp.Status, body, resp.ExitStatus, test.status, test.want)
			}
		})
	}
}

// TestScriptBroken: a program of Serve tells a late failure by its exit status, which counts for
// it.
func TestScriptBroken(t *testing.T) {
	s := script(t, "panic-after")
	resp, body, err := fetch(t, s, request("GET", nil))
	var broken *gateway.BackendError
	if body != "begun\n" || !errors.As(err, &broken) || broken.Status != 502 || resp.ExitStatus != 1 {
		t.Errorf("got %q, %v; want the text begun and a BackendError", body, err)
	}
}

// TestScriptForeign: the exit status of a program that does not ask for it does not count, nor
// where Env tells it not to ask.
func TestScriptForeign(t *testing.T) {
	s := script(t, "panic-after", "CGIKIT_STRICT_EXIT=")
	resp, body, err := fetch(t, s, request("GET", nil))
	if body != "begun\n" || err != nil || resp.ExitStatus != 1 {
		t.Errorf("got %q, %v, %+v; want the text begun, no error, exit status 1", body, err, resp)
	}
}

func TestScriptStderr(t *testing.T) {
	var log strings.Builder
	r := request("GET", nil)
	r.Stderr = &log
	if _, _, err := fetch(t, script(t, "noisy"), r); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat(strings.Repeat("0", 63)+"\n", 1600); log.String() != want {
		t.Errorf("got %d bytes of standard error; want %d", log.Len(), len(want))
	}
}

func TestScriptCannotStart(t *testing.T) {
	_, _, err := fetch(t, &cgi.Script{Path: "no-such-script"}, request("GET", nil))
	var broken *gateway.BackendError
	if !errors.As(err, &broken) || broken.Status != 502 || broken.Reason != "the script cannot be started" {
		t.Errorf("got %v; want a BackendError 502: the script cannot be started", err)
	}
}

// TestScriptLength: RFC 3875 section 4.1.2, C13.
func TestScriptLength(t *testing.T) {
	broken := errors.New("client gone")
	tests := []struct {
		name  string
		stdin io.Reader
		want  error
	}{
		{"no stream", nil, nil},
		{"a stream that proves empty", strings.NewReader(""), nil},
		{"a body", iotest.OneByteReader(strings.NewReader("x")), gateway.ErrLengthRequired},
		{"a body in memory", strings.NewReader("x"), nil},
		{"a stream that fails", iotest.ErrReader(broken), broken},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := request("POST", nil)
			r.Stdin = test.stdin
			if _, _, err := fetch(t, script(t, "hello"), r); !errors.Is(err, test.want) {
				t.Errorf("got %v; want %v", err, test.want)
			}
		})
	}
}

// TestScriptBodyBreaksOff: what a script got of a body that broke off must not pass for the whole
// one.
func TestScriptBodyBreaksOff(t *testing.T) {
	r := request("POST", []byte("abc"))
	r.Stdin = io.MultiReader(r.Stdin, iotest.ErrReader(io.ErrUnexpectedEOF))
	r.Environ.Set("CONTENT_LENGTH", "5")
	if _, body, err := fetch(t, script(t, "echo"), r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v; want unexpected EOF", body, err)
	}
}

func TestScriptContext(t *testing.T) {
	t.Run("C42 deadline before the head", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, _, err := fetch(t, script(t, "silent"), request("GET", nil).WithContext(ctx))
		var broken *gateway.BackendError
		if !errors.As(err, &broken) || broken.Status != 504 {
			t.Errorf("got %v; want a BackendError 504", err)
		}
	})
	t.Run("cancelled within the body", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		resp, err := script(t, "deaf").RoundTrip(request("GET", nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		cancel()
		if body, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("got %q, %v; want context canceled", body, err)
		}
	})
}
