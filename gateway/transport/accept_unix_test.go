//go:build unix

package transport

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

const errTooManyFiles = syscall.EMFILE

// F37 with a real shortage: a process that may open no more files accepts again when it may.
func TestAcceptWithoutDescriptors(t *testing.T) {
	r := start(t, nil, Service{Handle: echo})
	open, late, restore := dialWithoutDescriptors(t, r)
	for r.conns.Stats().AcceptErrors == 0 {
		exchange(t, open) // open connections continue
	}
	restore()
	exchange(t, late)
	r.log.WantLines(t, "cannot accept connections, trying again", 1)
}

// The same for a connection that waits in the queue when Shutdown begins.
func TestShutdownWithoutDescriptors(t *testing.T) {
	r := start(t, nil, Service{Handle: echo})
	open, late, restore := dialWithoutDescriptors(t, r)
	for r.conns.Stats().AcceptErrors == 0 {
		exchange(t, open)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.conns.Shutdown(t.Context()) }()
	for !r.conns.isStopping() {
		time.Sleep(time.Millisecond)
	}
	restore()
	exchange(t, late)
	if err := nettest.Receive(t, ended, "Shutdown"); err != nil {
		t.Error(err)
	}
	r.wantServed(t)
}

// dialWithoutDescriptors returns a connection that r serves, and another one that waits in the
// queue because this process may open no more files until restore is called.
func dialWithoutDescriptors(t *testing.T, r *running) (open, late net.Conn, restore func()) {
	t.Helper()
	open = nettest.Dial(t, r.l)
	exchange(t, open)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	restore = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(restore)
	// Only the client's own descriptor can still be opened.
	none := limit
	none.Cur = 3
	d := net.Dialer{Control: func(string, string, syscall.RawConn) error {
		return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none)
	}}
	late, err := d.Dial("tcp", r.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { late.Close() })
	return open, late, restore
}
