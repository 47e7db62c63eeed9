package load

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Supported reports whether Load.Run works on this system.
const Supported = true

// patience is how long no server may be silent.
const patience = 10 * time.Second

// runner is a Load that runs.
type runner struct {
	Load
	to    unix.Sockaddr
	poll  int
	conns []*conn
	buf   []byte
	done  float64
}

// conn is a connection. Its index in the list is what epoll reports.
type conn struct {
	fd      int
	index   int
	answer  Answer
	unsent  []byte // the rest of the request under way
	waiting bool   // for room to send it
}

// Run keeps one request under way on each of conns connections until the time is over and one
// response has come, and returns how many came in how much time. It fails where a server is silent
// for 10 seconds or sends a wrong response.
func (l Load) Run(conns int, span time.Duration) (done float64, took time.Duration, err error) {
	r := &runner{Load: l, buf: make([]byte, 256<<10)}
	if r.to, err = resolve(l.Network, l.Addr); err != nil {
		return 0, 0, err
	}
	if r.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return 0, 0, err
	}
	defer r.close()
	for i := range conns {
		c := &conn{fd: -1, index: i, answer: l.Answer()}
		r.conns = append(r.conns, c)
		if err := r.connect(c); err != nil {
			return 0, 0, err
		}
	}
	took, err = r.loop(span)
	return r.done, took, err
}

func (r *runner) close() {
	for _, c := range r.conns {
		if c.fd >= 0 {
			unix.Close(c.fd)
		}
	}
	unix.Close(r.poll)
}

// loop begins a request on each connection, and another when its response is whole.
func (r *runner) loop(span time.Duration) (took time.Duration, err error) {
	begin := time.Now()
	for _, c := range r.conns {
		if err := r.sendRequest(c); err != nil {
			return 0, err
		}
	}
	events := make([]unix.EpollEvent, len(r.conns))
	for took < span || r.done == 0 {
		n, err := unix.EpollWait(r.poll, events, int(patience.Milliseconds()))
		if n == 0 {
			return 0, fmt.Errorf("no response for %v", patience)
		}
		if err != nil && err != unix.EINTR {
			return 0, err
		}
		for _, e := range events[:max(n, 0)] {
			if err := r.handle(r.conns[e.Fd]); err != nil {
				return 0, err
			}
		}
		took = time.Since(begin)
	}
	return took, nil
}

// handle sends what is left of a request, and reads what has come.
func (r *runner) handle(c *conn) error {
	if c.waiting {
		if err := r.send(c); err != nil {
			return err
		}
	}
	n, err := unix.Read(c.fd, r.buf)
	switch {
	case err == unix.EAGAIN:
		return nil
	case err != nil:
		return err
	case n == 0:
		return r.closed(c)
	}
	if err := c.answer.Take(r.buf[:n]); err != nil {
		return err
	}
	if r.Reconnect || !c.answer.Next() {
		return nil
	}
	if len(c.unsent) > 0 {
		return errEarly
	}
	r.done++
	return r.sendRequest(c)
}

// closed handles the end of a connection.
func (r *runner) closed(c *conn) error {
	if !r.Reconnect {
		return errClosed
	}
	if err := c.answer.End(); err != nil {
		return err
	}
	return r.again(c)
}

// again counts a response, and asks for the next on a new connection.
func (r *runner) again(c *conn) error {
	r.done++
	if err := r.connect(c); err != nil {
		return err
	}
	return r.sendRequest(c)
}

// connect replaces the connection. epoll forgets the old one, as no other descriptor has its file.
func (r *runner) connect(c *conn) (err error) {
	if c.fd >= 0 {
		unix.Close(c.fd)
	}
	if c.fd, err = connectTo(r.to); err != nil {
		return err
	}
	c.waiting = false
	return unix.EpollCtl(r.poll, unix.EPOLL_CTL_ADD, c.fd, c.event(unix.EPOLLIN))
}

func (c *conn) event(events uint32) *unix.EpollEvent {
	return &unix.EpollEvent{Events: events, Fd: int32(c.index)}
}

func (r *runner) sendRequest(c *conn) error {
	c.unsent = r.Request
	return r.send(c)
}

// send sends as much of the request as there is room for, and has epoll report when there is more.
func (r *runner) send(c *conn) error {
	for len(c.unsent) > 0 {
		n, err := unix.Write(c.fd, c.unsent)
		if err == unix.EAGAIN {
			return r.wait(c, true)
		}
		if err != nil {
			return err
		}
		c.unsent = c.unsent[n:]
	}
	return r.wait(c, false)
}

func (r *runner) wait(c *conn, waiting bool) error {
	if c.waiting == waiting {
		return nil
	}
	c.waiting = waiting
	events := uint32(unix.EPOLLIN)
	if waiting {
		events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(r.poll, unix.EPOLL_CTL_MOD, c.fd, c.event(events))
}

func resolve(network, addr string) (unix.Sockaddr, error) {
	if network == "unix" {
		return &unix.SockaddrUnix{Name: addr}, nil
	}
	tcp, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, err
	}
	return &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(tcp.IP.To4())}, nil
}

// connectTo returns a connected socket that does not block.
func connectTo(to unix.Sockaddr) (int, error) {
	family := unix.AF_UNIX
	if _, ok := to.(*unix.SockaddrInet4); ok {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// It blocks while the server's queue is full.
	err = unix.Connect(fd, to)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}
