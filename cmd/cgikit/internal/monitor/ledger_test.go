package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
)

func TestLedger(t *testing.T) {
	var l Ledger
	for _, a := range []gateway.Access{
		{Status: 200, Bytes: 5, Duration: time.Millisecond},
		{Status: 204, Duration: time.Millisecond + 1},
		{Status: 404, Bytes: 10, Duration: time.Minute, Err: host.ErrNotFound},
		{Status: 502, Duration: time.Minute + 1, Err: fmt.Errorf("x: %w", &gateway.BackendError{Status: 502, Reason: "gone"})},
		{Status: 0, Err: errors.New("x")},
		{Status: 600, Err: nil},
	} {
		l.Enter(&a)
	}
	f := l.Figures()
	if want := [classes]uint64{2, 0, 2, 0, 1, 1}; f.Classes != want {
		t.Errorf("got classes %v; want %v", f.Classes, want)
	}
	if f.Bytes != 15 || f.Requests() != 6 || f.Active != 0 {
		t.Errorf("got %d bytes, %d requests, %d under way", f.Bytes, f.Requests(), f.Active)
	}
	last := len(Bounds)
	if f.Took[0] != 3 || f.Took[1] != 1 || f.Took[last-1] != 1 || f.Took[last] != 1 {
		t.Errorf("got %v; want a duration that is a bound within it", f.Took)
	}
	if f.Seconds < 120 || f.Seconds > 120.1 {
		t.Errorf("got %v s", f.Seconds)
	}
	if want := map[string]uint64{"gone": 1, "the application failed": 1}; !maps.Equal(f.Errors, want) {
		t.Errorf("got %v; want %v", f.Errors, want)
	}
}

// TestReasons checks that reasons are fixed texts, and never have text of a client.
func TestReasons(t *testing.T) {
	backend := &gateway.BackendError{Status: 502, Reason: "the application broke off", Err: syscall.ECONNRESET}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{host.ErrNotFound, ""},
		{host.ErrFolder, ""},
		{host.ErrNotScript, ""},
		{backend, "the application broke off"},
		{&gateway.BackendError{Status: 502, Reason: "the request was given up", Err: context.Canceled}, clientGone},
		{syscall.EPIPE, clientGone},
		{fmt.Errorf("x: %w", context.Canceled), clientGone},
		{&gateway.BackendError{Status: 504, Reason: "slow", Err: context.DeadlineExceeded}, "slow"},
		{&gateway.BodyTooLargeError{Limit: 1}, "the request body is too large"},
		{&gateway.RequestError{Reason: "x", Input: "secret"}, "the request is malformed"},
		{gateway.ErrLengthRequired, "the length of the request body is unknown"},
		{gateway.ContextError(canceled), clientGone},
		{&gateway.ServerError{Status: 503, Reason: "no room", Err: context.Canceled}, "no room"},
		{&gateway.BodyError{Err: io.ErrUnexpectedEOF}, "the request body did not arrive"},
		{&gateway.BodyError{Err: &gateway.BodyTooLargeError{Limit: 1}}, "the request body is too large"},
		{errors.New("secret"), "the application failed"},
	} {
		if got := reasonOf(&gateway.Access{Err: test.err}); got != test.want {
			t.Errorf("%v: got %q; want %q", test.err, got, test.want)
		}
	}
	for status, want := range map[int]string{404: "", 431: "the request was refused", 500: "the application failed"} {
		if got := reasonOf(&gateway.Access{Status: status, Err: errors.New("of a server")}); got != want {
			t.Errorf("%d: got %q; want %q", status, got, want)
		}
	}
}

// TestGoneClient checks that a client that went away does not count as a 502.
func TestGoneClient(t *testing.T) {
	var l Ledger
	l.Enter(&gateway.Access{Status: 502, Err: syscall.EPIPE})
	l.Enter(&gateway.Access{Status: 200, Err: syscall.EPIPE})
	l.Enter(&gateway.Access{Status: 499, Err: gateway.ErrClientGone})
	if f := l.Figures(); f.Classes[0] != 2 || f.Classes[2] != 1 || f.Classes[4] != 0 || f.Classes[5] != 0 || f.Errors[clientGone] != 3 {
		t.Errorf("got %+v", f)
	}
}

// TestReasonsAreBounded checks that an App that invents reasons does not make the figures grow.
func TestReasonsAreBounded(t *testing.T) {
	var l Ledger
	for i := range 10 * mostReasons {
		l.Enter(&gateway.Access{Status: 502, Err: &gateway.BackendError{Reason: fmt.Sprint(i)}})
	}
	f := l.Figures()
	if len(f.Errors) > mostReasons+1 || f.Errors["other"] != 9*mostReasons {
		t.Errorf("got %d reasons, %d of them other", len(f.Errors), f.Errors["other"])
	}
	f.Errors["0"] = 99
	if l.Figures().Errors["0"] != 1 {
		t.Error("the figures are not a copy")
	}
}

// TestCount checks that a request counts as current until its App returns or panics.
func TestCount(t *testing.T) {
	var l Ledger
	app := l.Count(gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error {
		if n := l.Figures().Active; n != 1 {
			t.Errorf("%d under way; want 1", n)
		}
		panic("on purpose")
	}))
	func() {
		defer func() { _ = recover() }()
		app.ServeGateway(nil, nil)
	}()
	if n := l.Figures().Active; n != 0 {
		t.Errorf("%d under way afterwards", n)
	}
}
