//go:build unix

package listen

import (
	"fmt"
	"net"
	"syscall"
	"testing"
)

const errTooManyFiles = syscall.EMFILE

func TestPassingUnix(t *testing.T) {
	for _, errno := range []syscall.Errno{
		syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR, syscall.EPROTO, syscall.EHOSTUNREACH,
	} {
		if !passing(fmt.Errorf("accept: %w", errno)) {
			t.Errorf("%v is not tried again", errno)
		}
	}
	for _, errno := range []syscall.Errno{syscall.EBADF, syscall.ENOTSOCK, syscall.EOPNOTSUPP} {
		if passing(errno) {
			t.Errorf("%v is tried again for ever", errno)
		}
	}
}

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
