package main

import (
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/cgikit/cgikit/gateway/listen"
)

// privateSocket is a listening unix socket that only this process can connect to, and those of its
// user.
type privateSocket struct {
	net.Listener
	address string // for a client
	once    sync.Once
	remove  func()
}

// openPrivate makes a socket in a folder of its own. Where the system allows it, the folder is
// removed at once, so that it does not remain if this process is killed.
func openPrivate() (*privateSocket, error) {
	dir, err := os.MkdirTemp("", "cgikit-spawn-") // mode 0700
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "socket")
	l, err := listen.ListenFor("fastcgi", "unix:"+path+"?mode=0600")
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	s := &privateSocket{Listener: l, address: "fastcgi+unix:" + path, remove: func() { os.RemoveAll(dir) }}
	if address, release, ok := openUnlinked(path); ok {
		os.RemoveAll(dir)
		s.address, s.remove = "fastcgi+unix:"+address, release
	}
	return s, nil
}

// File is that of the listener, for package spawn.
func (s *privateSocket) File() (*os.File, error) {
	return s.Listener.(interface{ File() (*os.File, error) }).File()
}

// Detach is that of the listener, for package spawn.
func (s *privateSocket) Detach() error {
	return s.Listener.(interface{ Detach() error }).Detach()
}

// close closes the socket, so that connections in its queue fail, and removes its folder.
func (s *privateSocket) close() {
	s.once.Do(func() {
		s.Listener.Close()
		s.remove()
	})
}
