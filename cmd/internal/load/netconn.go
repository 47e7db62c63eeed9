package load

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// netConns is a network of package net's connections. Each has a goroutine that reads and one that
// writes.
type netConns struct {
	dialer func(context.Context) (net.Conn, error)
	ctx    context.Context
	cancel context.CancelFunc
	conns  []*netConn
	events chan netEvent
	timer  *time.Timer
	group  sync.WaitGroup
}

// netConn is one of them.
type netConn struct {
	cancel context.CancelFunc
	out    chan []byte
	resume chan struct{} // the bytes of the last event have been handled
}

// netEvent is what has happened on a connection. At most one of its fields after from is set; none
// is a connection that has been made.
type netEvent struct {
	index int
	from  *netConn
	data  []byte
	err   error // io.EOF for the end
}

// mostUnsent is how many requests can wait to be sent on a connection: more only where a server
// answers and does not read.
const mostUnsent = 4096

var errUnread = errors.New("the server does not read")

func newNetConns(n int, dialer func(context.Context) (net.Conn, error)) *netConns {
	ctx, cancel := context.WithCancel(context.Background())
	t := time.NewTimer(time.Hour)
	return &netConns{dialer: dialer, ctx: ctx, cancel: cancel, conns: make([]*netConn, n), events: make(chan netEvent, 64), timer: t}
}

func (n *netConns) dial(i int) error {
	ctx, cancel := context.WithCancel(n.ctx)
	c := &netConn{cancel: cancel, out: make(chan []byte, mostUnsent), resume: make(chan struct{}, 1)}
	n.conns[i] = c
	n.group.Go(func() { n.serve(ctx, i, c) })
	return nil
}

// serve makes the connection and reads it.
func (n *netConns) serve(ctx context.Context, i int, c *netConn) {
	nc, err := n.dialer(ctx)
	if err != nil {
		n.report(ctx, netEvent{i, c, nil, err})
		return
	}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer func() {
		if stop() {
			nc.Close()
		}
	}()
	if !n.report(ctx, netEvent{index: i, from: c}) {
		return
	}
	n.group.Go(func() { c.write(ctx, nc) })
	n.read(ctx, i, c, nc)
}

func (n *netConns) read(ctx context.Context, i int, c *netConn, nc net.Conn) {
	for buf := make([]byte, 64<<10); ; {
		k, err := nc.Read(buf)
		if k > 0 {
			if !n.report(ctx, netEvent{i, c, buf[:k], nil}) {
				return
			}
			select {
			case <-c.resume:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			n.report(ctx, netEvent{i, c, nil, err})
			return
		}
	}
}

func (c *netConn) write(ctx context.Context, nc net.Conn) {
	for {
		select {
		case p := <-c.out:
			if _, err := nc.Write(p); err != nil {
				return // the reader finds the end of the connection, after what came before it
			}
		case <-ctx.Done():
			return
		}
	}
}

// report passes an event to wait, and reports false if the connection is dropped.
func (n *netConns) report(ctx context.Context, e netEvent) bool {
	select {
	case n.events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

func (n *netConns) send(i int, p []byte) error {
	select {
	case n.conns[i].out <- p:
		return nil
	default:
		return errUnread
	}
}

func (n *netConns) discard(i int) {
	if c := n.conns[i]; c != nil {
		c.cancel()
		n.conns[i] = nil
	}
}

func (n *netConns) wait(timeout time.Duration, h handler) error {
	n.timer.Reset(timeout)
	select {
	case e := <-n.events:
		n.handle(e, h)
	case <-n.timer.C:
	}
	return nil
}

// handle passes an event on, unless its connection has been dropped meanwhile.
func (n *netConns) handle(e netEvent, h handler) {
	switch {
	case n.conns[e.index] != e.from:
	case e.data != nil:
		h.handleBytes(e.index, e.data)
		e.from.resume <- struct{}{} // which has room: the reader waits for it
	case e.err == io.EOF:
		h.handleClosed(e.index, nil)
	case e.err != nil:
		h.handleClosed(e.index, e.err)
	default:
		h.handleConnected(e.index)
	}
}

func (n *netConns) close() {
	for i := range n.conns {
		n.discard(i)
	}
	n.cancel()
	n.group.Wait()
	n.timer.Stop()
}
