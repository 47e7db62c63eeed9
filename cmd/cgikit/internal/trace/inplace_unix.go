//go:build unix

package trace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// InPlace is a listener in the place of a unix socket on which an application listens. Connections
// that come to the path are accepted by Listener, while the application goes on to listen at Aside.
type InPlace struct {
	Listener *net.UnixListener
	Path     string // where clients connect
	Aside    string // where the application's socket is now: to dial it

	ours    os.FileInfo // of the file at Path, to know it again
	given   sync.Once
	giveErr error
}

// asideSuffix is short: with it the name of the socket must still fit an address (107 bytes on
// Linux).
const asideSuffix = ".trace"

// TakePlace listens in the place of the socket at path, with its mode and owner. It makes a new
// socket beside it and exchanges the two names in one step where the system can (renameat2 of
// Linux); elsewhere it gives the application's socket a second name and renames the new one over
// the first. At no time is there no socket at the path.
func TakePlace(path string) (*InPlace, error) {
	live, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case live.Mode()&fs.ModeSocket == 0:
		return nil, fmt.Errorf("%s is not a socket", path)
	}
	if c, err := net.Dial("unix", path); err != nil {
		return nil, fmt.Errorf("no application listens on it: %w", err)
	} else {
		c.Close()
	}
	aside := path + asideSuffix
	if _, err := os.Lstat(aside); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is there already: another trace is running, or one was killed; \"mv %[1]s %s\" puts the socket back", aside, path)
	}
	p := &InPlace{Path: path, Aside: aside}
	if err := p.listen(live); err != nil {
		return nil, err
	}
	if err := swap(aside, path); err != nil {
		p.Listener.Close()
		os.Remove(aside)
		return nil, err
	}
	if p.ours, err = os.Lstat(path); err != nil {
		return nil, err
	}
	return p, nil
}

// listen makes the new socket at Aside, with the mode and owner of the live one.
func (p *InPlace) listen(live fs.FileInfo) error {
	before := syscall.Umask(0o777) // no other user can connect before the mode is set
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: p.Aside, Net: "unix"})
	syscall.Umask(before)
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	p.Listener = l
	owner, ok := live.Sys().(*syscall.Stat_t)
	if ok {
		err = os.Chown(p.Aside, int(owner.Uid), int(owner.Gid))
	}
	if err == nil {
		err = os.Chmod(p.Aside, live.Mode().Perm())
	}
	if err != nil {
		l.Close()
		os.Remove(p.Aside)
	}
	return err
}

// Dial connects to the application: at Aside, and at Path once the application's socket is there
// again.
func (p *InPlace) Dial(ctx context.Context) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "unix", p.Aside)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	if now, statErr := os.Lstat(p.Path); statErr != nil || os.SameFile(now, p.ours) {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, "unix", p.Path)
}

// Undo is the command that a user can run when this process was killed.
func (p *InPlace) Undo() string { return fmt.Sprintf("mv %s %s", p.Aside, p.Path) }

// ErrReplaced is returned by GiveBack when the socket at the path is not the one of TakePlace any
// more: the application has ended or was restarted.
var ErrReplaced = errors.New("the application removed or replaced its socket meanwhile; it is left as it is")

// GiveBack puts the application's socket back to the path, if the file there is still that of
// TakePlace. If it is not, GiveBack removes the name Aside and returns ErrReplaced. Connections
// that came before are still in the queue of Listener: AcceptQueue lets it accept those. Only the
// first call does anything; later ones return the same.
func (p *InPlace) GiveBack() error {
	p.given.Do(func() { p.giveErr = p.putBack() })
	return p.giveErr
}

func (p *InPlace) putBack() error {
	now, err := os.Lstat(p.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, p.ours) {
		os.Remove(p.Aside)
		return ErrReplaced
	}
	if err := os.Rename(p.Aside, p.Path); err != nil {
		return fmt.Errorf("the socket could not be put back, run \"%s\": %w", p.Undo(), err)
	}
	return nil
}

// queueTime is how long connections that are in the queue already are accepted after GiveBack.
const queueTime = 100 * time.Millisecond

// AcceptQueue makes Listener accept what is in its queue, and then fail.
func (p *InPlace) AcceptQueue() { p.Listener.SetDeadline(time.Now().Add(queueTime)) }
