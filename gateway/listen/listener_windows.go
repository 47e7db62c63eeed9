package listen

import (
	"errors"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// errRefused is the error of connect if no process listens on a socket.
const errRefused = windows.WSAECONNREFUSED

func listenUnix(a Address) (net.Listener, error) {
	switch {
	case a.Path[0] == '@':
		return nil, errors.New("abstract unix sockets exist on Linux only")
	case a.Mode != 0 || a.Owner != "" || a.Group != "":
		return nil, errors.New("mode, owner and group of a socket cannot be set on Windows")
	case a.Takeover:
		return nil, errors.New("takeover=1 is not possible on Windows")
	}
	path, err := filepath.Abs(a.Path)
	if err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: a.Path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	made, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, err
	}
	return &socketFile{UnixListener: l, addr: &net.UnixAddr{Name: a.Path, Net: "unix"}, path: path, made: made}, nil
}

// lockFolder does nothing, since there is no takeover on Windows.
func lockFolder(string) (unlock func(), err error) { return func() {}, nil }

func listenFD(int) (net.Listener, error) {
	return nil, errors.New("sockets cannot be inherited by number on Windows")
}

func listenSystemd(string) (net.Listener, error) {
	return nil, errors.New("systemd does not exist on Windows")
}
