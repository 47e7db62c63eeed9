package trace

import (
	"context"
	"errors"
	"net"
)

// InPlace is a listener in the place of a unix socket; Windows has none whose name can be
// exchanged.
type InPlace struct {
	Listener    *net.UnixListener
	Path, Aside string
}

// ErrReplaced is never returned on Windows.
var ErrReplaced = errors.New("the socket was replaced meanwhile")

// TakePlace fails on Windows.
func TakePlace(string) (*InPlace, error) {
	return nil, errors.New("a socket cannot be traced in its place on Windows: name an address to listen on, and the target")
}

// Dial fails on Windows.
func (*InPlace) Dial(context.Context) (net.Conn, error) { return nil, net.ErrClosed }

// Undo is empty on Windows.
func (*InPlace) Undo() string { return "" }

// GiveBack does nothing on Windows.
func (*InPlace) GiveBack() error { return nil }

// AcceptQueue does nothing on Windows.
func (*InPlace) AcceptQueue() {}
