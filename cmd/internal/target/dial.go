package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// ErrTimedOut is in the chain of an error of Dial for a connection that was not made in time. The
// context itself may end a moment later.
var ErrTimedOut = errors.New("timed out")

// Dial connects to the target, which must not be cgi. The context bounds it. The error names the
// address and the cause once, and has a hint.
func (t Target) Dial(ctx context.Context) (net.Conn, error) {
	network, address := t.Place()
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, t.explainDial(err)
	}
	return conn, nil
}

// Place is the target in package net's terms: "unix" and the path, or "tcp" and host:port.
func (t Target) Place() (network, address string) {
	if t.Network == "unix" {
		return "unix", t.Path
	}
	return "tcp", net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port)))
}

// explainDial makes the error of a dial one line with a hint.
func (t Target) explainDial(err error) error {
	_, address := t.Place()
	return cli.Failure(fmt.Errorf("connect %s: %w", address, dialCause(err)), t.dialHint(err))
}

// dialCause is the error of the system, without what package net says around it.
func dialCause(err error) error {
	if number := syscall.Errno(0); errors.As(err, &number) {
		return number
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return ErrTimedOut
	}
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		return errors.New(dns.Err)
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}

// dialHint is what the user can do about a connection that was not made; "" where nothing is known.
func (t Target) dialHint(err error) string {
	unix := t.Network == "unix"
	dns := (*net.DNSError)(nil)
	switch {
	case errors.Is(err, syscall.ENOENT) && unix:
		return "there is no such socket: is the application running, and does it listen there?"
	case errors.Is(err, syscall.ECONNREFUSED) && unix:
		return "the socket is left over from a program that has ended: start the application"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "no program listens on that port: start the application, or check its address"
	case errors.Is(err, fs.ErrPermission) && unix:
		return socketPermissions(t.Path)
	case errors.Is(err, syscall.EAGAIN):
		return "the socket's queue of waiting connections is full: the application is busy"
	case errors.Is(err, syscall.EPROTOTYPE), errors.Is(err, syscall.ENOTSOCK):
		return "the path is not a stream socket"
	case errors.As(err, &dns):
		return "the host name could not be resolved"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return "the host did not answer: a firewall may drop the packets, or the host is down"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "this machine has no route to that address"
	}
	return ""
}
