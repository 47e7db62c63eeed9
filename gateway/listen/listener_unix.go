//go:build unix

package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errRefused is the error of connect(2) if no process listens on a socket.
const errRefused = unix.ECONNREFUSED

func listenUnix(a Address) (net.Listener, error) {
	if a.Path[0] == '@' {
		if !abstractSockets {
			return nil, errors.New("abstract unix sockets exist on Linux only")
		}
		return net.Listen("unix", a.Path)
	}
	if a.Mode == 0 {
		a.Mode = DefaultMode
	}
	uid, gid, err := ownerIDs(a)
	if err != nil {
		return nil, err
	}
	return listenPath(a, uid, gid)
}

// listenPath makes the socket, and replaces one that is stale or, with Takeover, in use.
func listenPath(a Address, uid, gid int) (net.Listener, error) {
	path, err := filepath.Abs(a.Path)
	if err != nil {
		return nil, err
	}
	unlock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	bound := a.Path
	if a.Takeover {
		bound, err = temporaryPath(a.Path)
	} else {
		err = removeStale(path)
	}
	if err != nil {
		return nil, err
	}
	b, err := bindUnix(bound)
	if err != nil {
		return nil, err
	}
	defer b.file.Close() // the listener has its own copy
	l, err := b.listen(a.Mode, uid, gid)
	if err != nil {
		return nil, err
	}
	if a.Takeover {
		if err := os.Rename(bound, a.Path); err != nil {
			l.Close()
			os.Remove(bound)
			return nil, err
		}
	}
	return &socketFile{UnixListener: l, addr: &net.UnixAddr{Name: a.Path, Net: "unix"}, path: path, made: b.made}, nil
}

// temporaryPath returns a name in the folder of path, for a socket that is renamed to path once it
// listens. So path never leads to a socket that refuses connections. It is an error if path exists
// and is not a socket.
func temporaryPath(path string) (string, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != fs.ModeSocket {
		return "", errNotSocket
	}
	temporary := filepath.Join(filepath.Dir(path), fmt.Sprintf(".takeover-%d", os.Getpid()))
	if len(temporary) > maxSocketPath {
		return "", fmt.Errorf("the folder's path is too long for the temporary name %s, which takeover=1 needs", filepath.Base(temporary))
	}
	err := os.Remove(temporary) // left by an earlier process with this id
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return temporary, nil
}

// boundSocket is a socket that has its file but does not listen yet: connecting to it fails,
// whatever the mode of the file.
type boundSocket struct {
	file *os.File
	path string
	made os.FileInfo
}

// bindUnix binds path as the caller wrote it, since its absolute form might be too long for
// sun_path.
func bindUnix(path string) (*boundSocket, error) {
	syscall.ForkLock.RLock() // not every system can set close-on-exec in socket(2)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	b := &boundSocket{file: os.NewFile(uintptr(fd), path), path: path}
	if err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrUnix{Name: path})); err == nil {
		b.made, err = os.Lstat(path)
	}
	if err != nil {
		b.file.Close()
		return nil, err
	}
	return b, nil
}

// listen sets the owner and mode of the file before it listens. It does not use the umask of the
// process, which would affect all goroutines. If it fails, it removes the file.
func (b *boundSocket) listen(mode os.FileMode, uid, gid int) (l *net.UnixListener, err error) {
	defer func() {
		if err != nil {
			os.Remove(b.path)
		}
	}()
	if uid != -1 || gid != -1 {
		if err := os.Lchown(b.path, uid, gid); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(b.path, mode); err != nil {
		return nil, err
	}
	if err := unix.Listen(int(b.file.Fd()), unix.SOMAXCONN); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	fl, err := net.FileListener(b.file)
	if err != nil {
		return nil, err
	}
	return fl.(*net.UnixListener), nil
}

// lockFolder waits until no other process of this module replaces or removes a socket in dir.
// Without the lock, a new socket between bind and listen looks like a stale one. The lock is on the
// folder, since a lock file would have to stay there.
func lockFolder(dir string) (unlock func(), err error) {
	const wait, step = 5 * time.Second, 10 * time.Millisecond
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for range wait / step {
		err = unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			break
		}
		time.Sleep(step)
	}
	if err != nil {
		folder.Close()
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	return func() { folder.Close() }, nil
}

// ownerIDs returns the ids of the owner and the group, or -1 for one that the address does not
// have, as chown(2) expects.
func ownerIDs(a Address) (uid, gid int, err error) {
	uid, err = parseID(a.Owner, lookupUser)
	if err != nil {
		return 0, 0, err
	}
	gid, err = parseID(a.Group, lookupGroup)
	return uid, gid, err
}

func lookupUser(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func lookupGroup(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// parseID returns the id of a user or group: -1 for "", a number as it is, and the result of lookup
// for a name.
func parseID(s string, lookup func(string) (string, error)) (int, error) {
	if s == "" {
		return -1, nil
	}
	if !isNumeric(s) {
		var err error
		if s, err = lookup(s); err != nil {
			return 0, err
		}
	}
	const most = 1<<32 - 2 // chown(2) takes 1<<32 - 1 as "do not change"
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > most {
		return 0, fmt.Errorf("%s is not a valid id of a user or group", s)
	}
	return int(n), nil
}
