package main

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/scgi"
)

// withHint adds to an error of package listen what the user can do about it, where no verb has.
func withHint(err error) error {
	if cli.Hint(err) != "" || cli.Status(err) != cli.StatusFailure {
		return err
	}
	if hint := hintForListen(err); hint != "" {
		return cli.Failure(err, hint)
	}
	return err
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

// hintForListen is the hint for an error of package listen, and of the system through it; "" for
// any other error.
func hintForListen(err error) string {
	if !errors.As(err, new(*listen.AddressError)) && !errors.As(err, new(*listen.OpenError)) {
		return ""
	}
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
