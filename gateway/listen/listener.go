package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// ListenFor opens the listener of an address for a server of one protocol ("fastcgi"): addr may
// have that protocol's scheme or none. It is ParseFor and Listen.
func ListenFor(protocol, addr string) (net.Listener, error) {
	a, err := ParseFor(protocol, addr)
	if err != nil {
		return nil, err
	}
	return Listen(a)
}

// Listen opens the listener of a, one for every address. Its Accept returns a *net.TCPConn or a
// *net.UnixConn. A listener for the protocol "auto" is as any other, and Split tells its
// connections apart.
//
// A TCP address is bound as it is: 0.0.0.0 is all IPv4 addresses, [::] all of both kinds.
//
// A unix socket gets its owner and mode before it listens, so that nobody can connect with other
// rights. One that is there already is taken over if nothing answers on it; if something does, that
// is an error, as it is when the path holds anything but a socket. Of several processes that start
// at once, one gets the path: they wait for each other, up to 5 seconds, by a lock on its folder
// (flock(2)). Close removes the socket file if it is still the one made here. Users who may write
// to the folder can put a socket of their own in the place of this one, so only trusted users
// should be able to. On Windows there is no lock, and an address with a mode, owner, group or
// takeover is an error.
//
// With Takeover, a socket on which something answers is taken over too: the new socket listens
// under a temporary name in the same folder and is renamed over the path, so that each client
// reaches the old server or the new one. The old server keeps the connections in its queue (see
// Drain of the listener), and leaves the new file alone at its end.
//
// A descriptor is inherited if it is a listening stream socket. Listen takes it over: the listener
// has a copy with close-on-exec set, and the descriptor itself becomes /dev/null, so that no file
// opened later gets its number and is taken for the socket. Of systemd's variables LISTEN_PID,
// LISTEN_FDS and LISTEN_FDNAMES none is unset, so that Listen can be called again for the next
// socket; child processes ignore them as LISTEN_PID is not theirs. On Windows both forms are an
// error.
//
// The error is an *AddressError when a is not the address of a listener, and otherwise an
// *OpenError.
func Listen(a Address) (net.Listener, error) {
	if a.Network == "" {
		return nil, &AddressError{Input: a.String(), Reason: "is a target and no address to listen on: write " + hintForms}
	}
	a, err := checked(a)
	if err != nil {
		return nil, err
	}
	var l net.Listener
	switch a.Network {
	case "tcp":
		l, err = listenTCP(a)
	case "unix":
		l, err = listenUnix(a)
	case "fd":
		l, err = listenFD(a.FD)
	case "systemd":
		l, err = listenSystemd(a.Name)
	}
	switch {
	case errors.Is(err, errSystemInUse):
		return nil, &OpenError{a, fmt.Errorf("%w: %w", ErrInUse, withoutAddress(err))}
	case err != nil:
		return nil, &OpenError{a, withoutAddress(err)}
	}
	return l, nil
}

// OpenError is an address on which the system does not let this process listen.
type OpenError struct {
	Address Address
	Err     error // what the system said; it wraps ErrInUse where somebody else listens
}

// Error names the address and the reason.
func (e *OpenError) Error() string { return "listen: " + e.Address.String() + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *OpenError) Unwrap() error { return e.Err }

// ErrInUse is wrapped by what Listen returns for an address on which somebody listens already.
var ErrInUse = errors.New("in use")

// checked holds an address made by hand to the grammar. The protocol does not matter for that: it
// may be a new one.
func checked(a Address) (Address, error) {
	protocol := a.Protocol
	a.Protocol = "auto"
	a, err := Parse(a.String())
	a.Protocol = protocol
	return a, err
}

// withoutAddress cuts what package net puts before the reason, as Listen names the address itself.
func withoutAddress(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// listenTCP asks for IPv4 by name where that is meant: for "tcp", package net binds 0.0.0.0 as
// [::].
func listenTCP(a Address) (net.Listener, error) {
	network := "tcp"
	if ip, err := netip.ParseAddr(a.Host); err == nil && ip.Is4() {
		network = "tcp4"
	}
	return net.Listen(network, net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))))
}

var errNoSocket = errors.New("what is there is no socket, and is left alone")

// clearPath makes place for a unix socket: it removes one on which nothing answers, and nothing
// else.
func clearPath(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errNoSocket
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%w: another process listens there", ErrInUse)
	case !errors.Is(err, errRefused):
		return fmt.Errorf("a socket is there, and may be in use: %w", withoutAddress(err))
	}
	return os.Remove(path)
}

// socketFile is a listener on a unix socket that removes its file, once, if that is still its own.
type socketFile struct {
	*net.UnixListener
	addr *net.UnixAddr // as it was given: a socket that was renamed has another name for the system
	path string        // absolute: the process may change its folder
	made os.FileInfo   // the file that bind made
	once sync.Once
	err  error
}

// Close removes the file before the socket is closed: while something answers there, no other
// process takes the path over, and while the socket is open, the system gives its inode number to
// no other file.
func (l *socketFile) Close() error {
	l.remove()
	return errors.Join(l.UnixListener.Close(), l.err)
}

// Addr is the path of the address.
func (l *socketFile) Addr() net.Addr { return l.addr }

// Drain removes the file, so that no client comes any more, and lets Accept take until then the
// connections that wait.
func (l *socketFile) Drain(until time.Time) error {
	l.remove()
	return l.SetDeadline(until)
}

// remove holds the folder's lock, as listening does: else another process might rename its socket
// over the path after this one has looked at it, and lose it. A folder that cannot be locked is no
// reason to leave the file.
func (l *socketFile) remove() {
	l.once.Do(func() {
		if unlock, err := lockFolder(filepath.Dir(l.path)); err == nil {
			defer unlock()
		}
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
			l.err = os.Remove(l.path)
		}
	})
}
