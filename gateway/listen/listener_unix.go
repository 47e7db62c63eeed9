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

// errRefused is how connect(2) says that nothing listens on a socket.
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
	return takePath(a, uid, gid)
}

// takePath makes the socket where nothing is, or nothing that answers.
func takePath(a Address, uid, gid int) (net.Listener, error) {
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
		bound, err = besidePath(a.Path)
	} else {
		err = clearPath(path)
	}
	if err != nil {
		return nil, err
	}
	b, err := bindUnix(bound)
	if err != nil {
		return nil, err
	}
	defer b.file.Close() // the listener has a copy
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

// besidePath returns a name in the folder of path for a socket that is to be renamed over it, once
// it listens: at no moment does the path lead to a socket that refuses. What is there may be a
// socket only.
func besidePath(path string) (string, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != fs.ModeSocket {
		return "", errNoSocket
	}
	beside := filepath.Join(filepath.Dir(path), fmt.Sprintf(".takeover-%d", os.Getpid()))
	if len(beside) > maxSocketPath {
		return "", fmt.Errorf("the folder's name leaves no room for the temporary name %s, which takeover=1 needs", filepath.Base(beside))
	}
	err := os.Remove(beside) // of an earlier process of that number
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return beside, nil
}

// boundSocket has its file and does not listen yet: to connect to it is refused, whatever the
// file's mode.
type boundSocket struct {
	file *os.File
	path string
	made os.FileInfo
}

// bindUnix binds path as it was given: an absolute one might be too long for sun_path.
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

// listen gives the file its owner and mode and only then lets clients in. The process's umask,
// which would do for the mode, belongs to all its goroutines. If it fails, the file is removed.
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

// lockFolder waits until no other process here takes over or removes a socket in dir: between bind
// and listen a new socket looks as dead as a stale one. The lock is on the folder, since a lock
// file would have to be left there.
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

// ownerIDs returns -1 for what the address leaves open, as chown(2) has it.
func ownerIDs(a Address) (uid, gid int, err error) {
	uid, err = numberOr(a.Owner, lookupUser)
	if err != nil {
		return 0, 0, err
	}
	gid, err = numberOr(a.Group, lookupGroup)
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

// numberOr reads a user or group: "" is -1, a number is itself, and a name is looked up.
func numberOr(s string, lookup func(string) (string, error)) (int, error) {
	if s == "" {
		return -1, nil
	}
	if !isNumeric(s) {
		var err error
		if s, err = lookup(s); err != nil {
			return 0, err
		}
	}
	const most = 1<<32 - 2 // the number above is chown(2)'s for "leave it"
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > most {
		return 0, fmt.Errorf("no user or group can have the number %s", s)
	}
	return int(n), nil
}
