//go:build unix

package transport

import (
	"net"
	"syscall"
	"testing"
)

const errTooManyFiles = syscall.EMFILE

// F37 with a real shortage: a process that may open no more files serves again once it may.
func TestAcceptWithoutDescriptors(t *testing.T) {
	r := start(t, nil, Service{Handle: echo})
	open := dial(t, r.l)
	exchange(t, open)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	// The client's own descriptor is the last that can be opened.
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
		exchange(t, open) // open connections go on
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	exchange(t, late)
	r.log.wantLines(t, "cannot accept connections, trying again", 1)
}
