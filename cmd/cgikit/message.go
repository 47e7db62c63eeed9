package main

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/scgi"
)

// hinted is an error of which its verb knows what to do about it.
type hinted struct {
	error
	hint   string
	status int // the exit status
}

func (e *hinted) Unwrap() error { return e.error }

// usage is a mistake in the command line.
func usage(err error, hint string) error { return &hinted{err, hint, exitUsage} }

// failure is a failure that was to be expected.
func failure(err error, hint string) error { return &hinted{err, hint, exitFailure} }

// message is what the user reads of an error.
func message(err error) string {
	text := "cgikit: " + err.Error() + "\n"
	if hint := hintFor(err); hint != "" {
		text += "hint: " + hint + "\n"
	}
	return text
}

// hintFor tells what to do about an error, "" where nothing is known.
func hintFor(err error) string {
	if h := (*hinted)(nil); errors.As(err, &h) {
		return h.hint
	}
	if errors.As(err, new(*listen.AddressError)) || errors.As(err, new(*listen.OpenError)) {
		return hintForListen(err)
	}
	return ""
}

// hintForPeer tells what to do about a peer that speaks another protocol, where v is the error that
// says so. HTTP begins with the letters of a method.
func hintForPeer(v any) string {
	err, ok := v.(error)
	if !ok {
		return ""
	}
	if p := (*scgi.ProtocolError)(nil); errors.As(err, &p) && p.Offset == 0 && isMethod(p.Input) {
		return "this looks like HTTP at an address where SCGI is spoken: listen with -l http: or -l auto:"
	}
	if p := (*wire.ProtocolError)(nil); errors.As(err, &p) && isMethod(p.Header) {
		return "this looks like HTTP at an address where FastCGI is spoken: listen with -l http: or -l auto:"
	}
	return ""
}

func isMethod(s string) bool { return s != "" && s[0] >= 'A' && s[0] <= 'Z' }

// hintForListen is for what package listen says, and the system through it.
func hintForListen(err error) string {
	switch {
	case errors.As(err, new(*listen.AddressError)):
		return listenHint
	case errors.Is(err, listen.ErrInUse):
		return "something listens there already: take another address, or end it; port 0 is a free one"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not listen there: ports below 1024 and system folders are for root"
	case errors.Is(err, fs.ErrNotExist):
		return "the folder of the socket must exist"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine has no such address; 127.0.0.1 is its own, 0.0.0.0 is all it has"
	}
	return ""
}
