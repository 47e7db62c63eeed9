package load

import (
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// epollNet is a network of sockets that do not block, watched by one epoll.
type epollNet struct {
	to     unix.Sockaddr
	family int
	poll   int
	conns  []socket
	full   int // sockets that wait until the queue of a unix socket has room
	buf    []byte

	// precise has wait end at its time and not up to a millisecond later, for one more system call.
	precise bool
	events  []unix.EpollEvent
}

// socket is a connection. Its index in the list is what epoll reports.
type socket struct {
	fd     int // -1: there is no connection
	state  socketState
	unsent [][]byte
	out    bool // epoll reports when there is room to send
}

type socketState int

const (
	socketReady   socketState = iota
	socketMaking              // the peer has not accepted yet
	socketRefused             // the queue of the unix socket was full: it is tried again
)

// fullWait is how often a full queue is tried again.
const fullWait = time.Millisecond

func newSystemNetwork(p *Plan) (network, error) {
	n := &epollNet{precise: p.Rate > 0, conns: make([]socket, p.Conns), buf: make([]byte, 256<<10), events: make([]unix.EpollEvent, min(p.Conns, 512))}
	for i := range n.conns {
		n.conns[i].fd = -1
	}
	if err := n.resolve(p.Network, p.Addr); err != nil {
		return nil, err
	}
	var err error
	n.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return n, err
}

// resolve finds the address once, so that no request waits for a name.
func (n *epollNet) resolve(network, addr string) error {
	if network == "unix" {
		n.family, n.to = unix.AF_UNIX, &unix.SockaddrUnix{Name: addr}
		return nil
	}
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return err
	}
	ip := tcp.IP.To4()
	if len(tcp.IP) == 0 {
		ip = net.IPv4(127, 0, 0, 1).To4() // an address without a host
	}
	if ip != nil {
		n.family, n.to = unix.AF_INET, &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(ip)}
		return nil
	}
	n.family, n.to = unix.AF_INET6, &unix.SockaddrInet6{Port: tcp.Port, Addr: [16]byte(tcp.IP)}
	return nil
}

func (n *epollNet) close() {
	for i := range n.conns {
		n.discard(i)
	}
	unix.Close(n.poll)
}

// dial implements network. The result comes from wait, even if it is known at once.
func (n *epollNet) dial(i int) error {
	s := &n.conns[i]
	fd, err := unix.Socket(n.family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if n.family != unix.AF_UNIX {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // a slower connection is one too
	}
	*s = socket{fd: fd, state: socketMaking, unsent: s.unsent[:0]}
	return n.tryDial(i)
}

// tryDial calls connect. A unix socket whose queue is full refuses at once.
func (n *epollNet) tryDial(i int) error {
	s := &n.conns[i]
	switch err := unix.Connect(s.fd, n.to); err {
	case nil, unix.EINPROGRESS:
		s.state, s.out = socketMaking, true
		return unix.EpollCtl(n.poll, unix.EPOLL_CTL_ADD, s.fd, event(i, unix.EPOLLIN|unix.EPOLLOUT))
	case unix.EAGAIN:
		s.state = socketRefused
		n.full++
		return nil
	default:
		return err
	}
}

func event(i int, events uint32) *unix.EpollEvent {
	return &unix.EpollEvent{Events: events, Fd: int32(i)}
}

// send implements network.
func (n *epollNet) send(i int, p []byte) error {
	s := &n.conns[i]
	s.unsent = append(s.unsent, p)
	if len(s.unsent) > 1 {
		return nil // epoll reports when there is room
	}
	return n.flush(i)
}

// flush sends as much as there is room for, and has epoll report when there is more.
func (n *epollNet) flush(i int) error {
	s := &n.conns[i]
	for len(s.unsent) > 0 {
		k, err := unix.Write(s.fd, s.unsent[0])
		if err == unix.EAGAIN {
			return n.watchRoom(i, true)
		}
		if err != nil {
			return err
		}
		if s.unsent[0] = s.unsent[0][k:]; len(s.unsent[0]) == 0 {
			s.unsent = s.unsent[:copy(s.unsent, s.unsent[1:])]
		}
	}
	return n.watchRoom(i, false)
}

func (n *epollNet) watchRoom(i int, out bool) error {
	s := &n.conns[i]
	if s.out == out {
		return nil
	}
	s.out = out
	events := uint32(unix.EPOLLIN)
	if out {
		events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(n.poll, unix.EPOLL_CTL_MOD, s.fd, event(i, events))
}

// discard implements network. epoll forgets the socket, as no other descriptor has its file.
func (n *epollNet) discard(i int) {
	s := &n.conns[i]
	if s.fd < 0 {
		return
	}
	if s.state == socketRefused {
		n.full--
	}
	unix.Close(s.fd)
	s.fd, s.state, s.unsent = -1, socketReady, s.unsent[:0]
}

// wait implements network.
func (n *epollNet) wait(timeout time.Duration, h handler) error {
	if n.full > 0 {
		n.retryFull(h)
		timeout = min(timeout, fullWait)
	}
	milliseconds := int((timeout + time.Millisecond - 1) / time.Millisecond)
	if n.precise && timeout > 0 && timeout < 20*time.Millisecond {
		milliseconds = 0
		if err := n.sleep(timeout); err != nil {
			return err
		}
	}
	k, err := unix.EpollWait(n.poll, n.events, milliseconds)
	if err != nil && err != unix.EINTR {
		return err
	}
	for _, e := range n.events[:max(k, 0)] {
		n.handle(int(e.Fd), e.Events, h)
	}
	return nil
}

// sleep waits for an event. The time of EpollWait is in milliseconds, which is too coarse for a
// rate.
func (n *epollNet) sleep(timeout time.Duration) error {
	ts := unix.NsecToTimespec(int64(timeout))
	_, err := unix.Ppoll([]unix.PollFd{{Fd: int32(n.poll), Events: unix.POLLIN}}, &ts, nil)
	if err == unix.EINTR {
		return nil
	}
	return err
}

// retryFull tries the sockets again that found a queue full.
func (n *epollNet) retryFull(h handler) {
	for i := range n.conns {
		if n.conns[i].fd < 0 || n.conns[i].state != socketRefused {
			continue
		}
		n.full--
		n.conns[i].state = socketMaking
		if err := n.tryDial(i); err != nil {
			h.handleClosed(i, err)
		}
		if n.conns[i].state == socketRefused {
			return // it is still full
		}
	}
}

// handle does what an event says.
func (n *epollNet) handle(i int, events uint32, h handler) {
	s := &n.conns[i]
	if s.fd < 0 {
		return // dropped since
	}
	if s.state == socketMaking {
		n.handleMade(i, h)
		return
	}
	if events&unix.EPOLLOUT != 0 && s.out {
		if err := n.flush(i); err != nil {
			h.handleClosed(i, err)
			return
		}
	}
	if events&^unix.EPOLLOUT != 0 {
		n.read(i, h)
	}
}

// handleMade reports a connection, or why there is none.
func (n *epollNet) handleMade(i int, h handler) {
	s := &n.conns[i]
	number, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && number != 0 {
		err = syscall.Errno(number)
	}
	if err == nil {
		s.state = socketReady
		err = n.watchRoom(i, false)
	}
	if err != nil {
		h.handleClosed(i, err)
		return
	}
	h.handleConnected(i)
}

func (n *epollNet) read(i int, h handler) {
	k, err := unix.Read(n.conns[i].fd, n.buf)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
	case err != nil:
		h.handleClosed(i, err)
	case k == 0:
		h.handleClosed(i, nil)
	default:
		h.handleBytes(i, n.buf[:k])
	}
}
