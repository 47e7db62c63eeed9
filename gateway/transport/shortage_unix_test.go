//go:build unix

package transport

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// A process that may open no more files answers 503, which does not blame the application as 502
// would.
func TestDialWithoutDescriptors(t *testing.T) {
	tcp := listenLoopback(t)
	unix, err := net.Listen("unix", nettest.SocketPath(t))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	none := limit
	none.Cur = 3
	for _, addr := range []string{tcp.Addr().String(), "unix:" + unix.Addr().String()} {
		d := &Dialer{Protocol: "scgi", Addr: addr, Fallback: []string{tcp.Addr().String()}}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
			t.Fatal(err)
		}
		_, err := d.Dial(t.Context())
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
		if b := (*gateway.ServerError)(nil); !errors.As(err, &b) || b.Status != 503 || !errors.Is(err, syscall.EMFILE) {
			t.Errorf("%s: got %v; want a 503 of EMFILE", addr, err)
		}
		c, err := d.Dial(t.Context())
		if err != nil {
			t.Errorf("%s: with descriptors: %v", addr, err)
			continue
		}
		c.Close()
	}
}

// Each shortage is a 503, also when package net has wrapped its error.
func TestShortages(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL} {
		err := unreachable(t.Context(), &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errno)})
		if b := (*gateway.ServerError)(nil); !errors.As(err, &b) || b.Status != 503 {
			t.Errorf("%v: got %v; want a 503", errno, err)
		}
	}
	for _, errno := range []syscall.Errno{syscall.ECONNREFUSED, syscall.ENOENT, syscall.EACCES, syscall.EHOSTUNREACH} {
		err := unreachable(t.Context(), &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errno)})
		if b := (*gateway.BackendError)(nil); !errors.As(err, &b) || b.Status != 502 {
			t.Errorf("%v: got %v; want a 502", errno, err)
		}
	}
}
