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
	"sync/atomic"
	"time"
)

// ListenFor opens the listener of an address for a server of one protocol, such as "fastcgi": addr
// may have that protocol's scheme or none. It calls ParseFor and Listen.
func ListenFor(protocol, addr string) (net.Listener, error) {
	a, err := ParseFor(protocol, addr)
	if err != nil {
		return nil, err
	}
	return Listen(a)
}

// Listen opens the listener of a. Accept of the listener returns a *net.TCPConn or a *net.UnixConn,
// or with Proxy a [*ProxyConn] of one. A listener for the protocol "auto" is like any other; Split
// distributes its connections by protocol.
//
// A TCP address 0.0.0.0 means all IPv4 addresses, and [::] all IPv4 and IPv6 addresses.
//
// A unix socket gets its owner and mode before it listens, so that no client can connect with other
// rights. An existing socket is replaced if no process listens on it. If a process does, or if the
// path is not a socket, Listen returns an error. Of several processes that start at once, one gets
// the path: they wait for each other, up to 5 seconds, by a lock on its folder (flock(2)). Close
// removes the socket file if it is still the one that Listen made. Users who may write to the
// folder can replace the socket by one of their own, so only trusted users should have that right.
// On Windows there is no lock, and an address with a mode, owner, group or takeover is an error.
//
// With Takeover, a socket on which a process listens is replaced too: the new socket listens under
// a temporary name in the same folder and is renamed to the path, so that each client reaches the
// old server or the new one. The old server keeps the connections in its queue (see Drain of the
// listener), and does not remove the new file when it closes.
//
// An inherited descriptor (fd and systemd) must be a listening stream socket. The listener gets a
// copy with close-on-exec set, and the descriptor itself becomes /dev/null, so that no file opened
// later gets its number and is taken for the socket. Listen does not unset systemd's variables
// LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, so that it can be called again for the next socket.
// Child processes ignore them, because LISTEN_PID is not their id. On Windows both forms are an
// error.
//
// The error is an *AddressError if a is not the address of a listener, and otherwise an *OpenError.
func Listen(a Address) (net.Listener, error) {
	if a.Network == "" {
		return nil, &AddressError{Input: a.String(), Reason: "is a target, not an address to listen on: write " + hintForms}
	}
	a, err := normalize(a)
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
	case a.Proxy:
		return proxyListener{l.(socketListener)}, nil
	}
	return l, nil
}

// OpenError is the failure to listen on a valid address.
type OpenError struct {
	Address Address
	Err     error // the reason; it wraps ErrInUse if the address is in use
}

// Error names the address and the reason.
func (e *OpenError) Error() string { return "listen: " + e.Address.String() + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *OpenError) Unwrap() error { return e.Err }

// ErrInUse is wrapped by the error of Listen for an address on which a process listens already.
var ErrInUse = errors.New("in use")

// normalize returns a as Parse would return it, or an error if a does not keep the grammar. The
// protocol may be one that the grammar does not know.
func normalize(a Address) (Address, error) {
	protocol := a.Protocol
	a.Protocol = "auto"
	a, err := Parse(a.String())
	a.Protocol = protocol
	return a, err
}

// withoutAddress removes what package net writes before the reason, since OpenError names the
// address itself.
func withoutAddress(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// listenTCP uses the network "tcp4" for an IPv4 address, since package net binds 0.0.0.0 as [::]
// for "tcp".
func listenTCP(a Address) (net.Listener, error) {
	network := "tcp"
	if ip, err := netip.ParseAddr(a.Host); err == nil && ip.Is4() {
		network = "tcp4"
	}
	return net.Listen(network, net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))))
}

var errNotSocket = errors.New("the path exists and is not a socket")

// removeStale removes the unix socket at path if no process listens on it. Anything else at path is
// an error.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errNotSocket
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%w: another process listens there", ErrInUse)
	case !errors.Is(err, errRefused):
		return fmt.Errorf("the path is a socket that may be in use: %w", withoutAddress(err))
	}
	return os.Remove(path)
}

// socketFile is a listener on a unix socket. It removes its file once, if the file is still its
// own.
type socketFile struct {
	*net.UnixListener
	addr *net.UnixAddr // the path of the Address: the system reports the name before a renaming
	path string        // absolute, since the process may change its folder
	made os.FileInfo   // the file that bind made
	once sync.Once
	left atomic.Bool // Detach was called
	err  error
}

// Close removes the file before it closes the socket. Until then, no other process replaces the
// socket because it still listens, and the system gives its inode number to no other file.
func (l *socketFile) Close() error {
	l.remove()
	if l.left.Load() {
		return l.err
	}
	return errors.Join(l.UnixListener.Close(), l.err)
}

// Detach closes the listener in this process, but not its socket, of which other processes or a
// copy (File) have a descriptor. The file remains until Close.
func (l *socketFile) Detach() error {
	l.left.Store(true)
	return l.UnixListener.Close()
}

// Addr returns the path of the Address.
func (l *socketFile) Addr() net.Addr { return l.addr }

// Drain removes the file, so that no client connects any more, and lets Accept return the
// connections in the queue until the given time.
func (l *socketFile) Drain(until time.Time) error {
	l.remove()
	return l.SetDeadline(until)
}

// remove holds the lock of the folder, as listening does. Otherwise another process could rename
// its socket to the path after the check here, and remove would delete that one. If the folder
// cannot be locked, the file is removed all the same.
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
