//go:build linux

package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/testdata/bench/contest"

	"golang.org/x/sys/unix"
)

const idleMost = 12 << 10

// measureIdle prints what a kept connection without a request costs a server: how much more is
// resident, code and kernel's buffers apart. Each connection has had one request.
func measureIdle(s settings) error {
	if err := allowFiles(s.conns + 100); err != nil {
		return err
	}
	fmt.Printf("%d connections, bytes each\n", s.conns)
	own, err := printIdle(s, "server", "server")
	if err != nil {
		return err
	}
	for _, e := range [][2]string{{"server+httpapp", "serverhttp"}, {"nethttp.Server", "std"}, {"net/http/fcgi", "fcgi"}, {"trivial", "trivial"}} {
		if _, err := printIdle(s, e[0], e[1]); err != nil {
			return err
		}
	}
	if own > idleMost {
		return fmt.Errorf("server: %.0f bytes each, over the bound of %d", own, idleMost)
	}
	return nil
}

func printIdle(s settings, name, server string) (float64, error) {
	each, err := idleBytes(s, server)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	fmt.Printf("%-16s %8.0f\n", name, each)
	return each, nil
}

// idleBytes counts from a server that has answered on some connections already, which are closed:
// what it keeps once is not counted.
func idleBytes(s settings, server string) (float64, error) {
	c, err := startHello(s, server)
	if err != nil {
		return 0, err
	}
	defer c.Stop()
	if _, _, err := helloLoad(c).Run(s.clients, s.span); err != nil {
		return 0, err
	}
	before, err := c.Resident()
	if err != nil {
		return 0, err
	}
	for range s.conns {
		fd, err := openIdle(c)
		if err != nil {
			return 0, err
		}
		defer unix.Close(fd)
	}
	after, err := settled(c)
	return float64(after-before) / float64(s.conns), err
}

// openIdle opens a connection that has one request answered.
func openIdle(c *contest.Child) (int, error) {
	fd, err := contest.Connect(c.Network, c.Addr)
	if err != nil {
		return -1, err
	}
	if _, err := unix.Write(fd, appendGet(nil, 1, true)); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	var t tally
	for buf := make([]byte, 4096); !t.whole(1); {
		n, err := unix.Read(fd, buf)
		if n == 0 && err == nil {
			err = errors.New("closed without an answer")
		}
		if err == nil {
			err = t.Take(buf[:n])
		}
		if err != nil {
			return -1, errors.Join(err, unix.Close(fd))
		}
	}
	return fd, nil
}

// settled is what is resident after a time in which nothing happens.
func settled(c *contest.Child) (int64, error) {
	time.Sleep(time.Second)
	return c.Resident()
}

// allowFiles lets this process and its children open so many files.
func allowFiles(n int) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return err
	}
	if now.Max >= uint64(n) {
		return nil // Go makes the most of it
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(n), Max: uint64(n)}); err != nil {
		return fmt.Errorf("%d files may be open, %d are needed (see -conns): %w", now.Max, n, err)
	}
	return nil
}
