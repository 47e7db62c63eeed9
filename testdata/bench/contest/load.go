//go:build linux

package contest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Answer follows what a server sends, and knows when a response is whole.
type Answer interface {
	// Take has the next bytes.
	Take(p []byte) error
	// Next reports whether a response is whole, and begins to wait for another if it is.
	Next() bool
}

// Load asks over kept connections, each for the next response once it has the last, and returns how
// many came in that time. It is one thread with epoll, so that it takes less of the machine than
// any server.
type Load struct {
	Network, Addr string
	Request       []byte
	Answer        func() Answer
}

type loadConn struct {
	fd     int
	answer Answer
}

// Run asks over conns connections for the time span.
func (l Load) Run(conns int, span time.Duration) (done float64, took time.Duration, err error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(poll)
	all := make([]*loadConn, conns)
	for i := range all {
		if all[i], err = l.dial(); err != nil {
			return 0, 0, err
		}
		defer unix.Close(all[i].fd)
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, all[i].fd, &event); err != nil {
			return 0, 0, err
		}
	}
	return l.loop(poll, all, span)
}

func (l Load) dial() (*loadConn, error) {
	fd, err := Connect(l.Network, l.Addr)
	if err != nil {
		return nil, err
	}
	return &loadConn{fd, l.Answer()}, nil
}

// loop keeps one request on each connection until the time is over.
func (l Load) loop(poll int, all []*loadConn, span time.Duration) (done float64, took time.Duration, err error) {
	begin := time.Now()
	for _, c := range all {
		if err := l.ask(c); err != nil {
			return 0, 0, err
		}
	}
	events := make([]unix.EpollEvent, len(all))
	for buf := make([]byte, 64<<10); ; {
		n, err := unix.EpollWait(poll, events, 10_000)
		if n == 0 || err != nil && err != unix.EINTR {
			return 0, 0, fmt.Errorf("no answer for 10 s: %v", err)
		}
		for _, e := range events[:max(n, 0)] {
			whole, err := all[e.Fd].read(buf)
			if err != nil {
				return 0, 0, err
			}
			if whole {
				done++
				err = l.ask(all[e.Fd])
			}
			if err != nil {
				return 0, 0, err
			}
		}
		if took = time.Since(begin); took > span {
			return done, took, nil
		}
	}
}

// ask sends the request, which is smaller than any socket's buffer.
func (l Load) ask(c *loadConn) error {
	n, err := unix.Write(c.fd, l.Request)
	if err == nil && n < len(l.Request) {
		err = io.ErrShortWrite
	}
	return err
}

func (c *loadConn) read(buf []byte) (whole bool, err error) {
	n, err := unix.Read(c.fd, buf)
	if n == 0 && err == nil {
		err = errors.New("the server closed a kept connection")
	}
	if err != nil {
		return false, err
	}
	if err := c.answer.Take(buf[:n]); err != nil {
		return false, err
	}
	return c.answer.Next(), nil
}

// Connect returns a connected socket that blocks.
func Connect(network, addr string) (int, error) {
	if network == "unix" {
		return connectTo(unix.AF_UNIX, &unix.SockaddrUnix{Name: addr})
	}
	tcp, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return -1, err
	}
	return connectTo(unix.AF_INET, &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(tcp.IP.To4())})
}

func connectTo(family int, addr unix.Sockaddr) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, addr); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
