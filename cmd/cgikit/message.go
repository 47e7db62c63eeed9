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

// withHint adds a hint to an error of package listen that has none.
func withHint(err error) error {
	if cli.Hint(err) != "" || cli.Status(err) != cli.StatusFailure {
		return err
	}
	if hint := hintForListen(err); hint != "" {
		return cli.Failure(err, hint)
	}
	return err
}

// hintForPeer returns a hint for a peer that speaks HTTP to another listener, if v is the error of
// that. HTTP begins with the letters of a method.
func hintForPeer(v any) string {
	err, ok := v.(error)
	if !ok {
		return ""
	}
	if p := (*scgi.ProtocolError)(nil); errors.As(err, &p) && p.Offset == 0 && isMethod(p.Input) {
		return "a client speaks HTTP on an address of SCGI: listen with -l http: or -l auto:"
	}
	if p := (*wire.ProtocolError)(nil); errors.As(err, &p) && isMethod(p.Header) {
		return "a client speaks HTTP on an address of FastCGI: listen with -l http: or -l auto:"
	}
	return ""
}

func isMethod(s string) bool { return s != "" && s[0] >= 'A' && s[0] <= 'Z' }

// hintForListen returns the hint for an error of package listen, or "".
func hintForListen(err error) string {
	if !errors.As(err, new(*listen.AddressError)) && !errors.As(err, new(*listen.OpenError)) {
		return ""
	}
	switch {
	case errors.As(err, new(*listen.AddressError)):
		return listenHint
	case errors.Is(err, listen.ErrInUse):
		return "another process listens there: stop it, or use another address; port 0 picks a free port"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not listen there: only root may use ports below 1024 and system folders"
	case errors.Is(err, fs.ErrNotExist):
		return "the folder of the socket must exist"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine has no such address: use 127.0.0.1, or 0.0.0.0 for all of its addresses"
	}
	return ""
}
