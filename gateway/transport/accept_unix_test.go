//go:build unix

package transport

import (
	"net"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

const errTooManyFiles = syscall.EMFILE

// F37 with a real shortage: a process that may open no more files accepts again when it may.
func TestAcceptWithoutDescriptors(t *testing.T) {
	r := start(t, nil, Service{Handle: echo})
	open := nettest.Dial(t, r.l)
	exchange(t, open)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
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
	defer late.Close()
	for r.conns.Stats().AcceptErrors == 0 {
		exchange(t, open) // open connections continue
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	exchange(t, late)
	r.log.WantLines(t, "cannot accept connections, trying again", 1)
}
