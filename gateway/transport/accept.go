package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/internal/accept"
	"github.com/cgikit/cgikit/gateway/listen"
)

// Serve accepts connections on l and hands each to s.Handle, until l fails or the server is shut
// down or closed. After Shutdown or Close it returns gateway.ErrServerClosed. It closes l when it
// returns; open connections continue. After a temporary failure of Accept (too many open files, a
// connection that was closed in the queue) Serve tries again: first after 5 ms, later every second.
// Serve may be called for several listeners at the same time.
func (cs *Conns) Serve(l net.Listener, s Service) error {
	if s.Handle == nil {
		return errors.New("transport: Service.Handle is nil")
	}
	if s.Log == nil {
		s.Log = slog.Default()
	}
	served := &servedListener{Listener: l}
	defer served.Close()
	if !cs.addListener(served, s.Log) {
		return gateway.ErrServerClosed
	}
	defer cs.removeListener(served)
	return cs.acceptLoop(served, &s)
}

func (cs *Conns) acceptLoop(l *servedListener, s *Service) error {
	var wait accept.Backoff
	var drain accept.Drain
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			wait = 0
			cs.handleConn(nc, s)
		case cs.isStopping() && drain.Again(l.Listener, err):
		case cs.isStopping():
			return gateway.ErrServerClosed
		case !accept.Passing(err):
			return fmt.Errorf("transport: accept on %s: %w", l.Addr(), err)
		default:
			cs.countAcceptError(err, l, s.Log)
			wait.Sleep(cs.quit)
		}
	}
}

// handleConn checks a new connection and starts the goroutine that serves or refuses it.
func (cs *Conns) handleConn(nc net.Conn, s *Service) {
	if err := checkPeer(nc, s); err != nil {
		cs.countWrongPeer(err, nc, s.Log)
		nc.Close()
		s.single.noteClosed(false)
		return
	}
	c := &Conn{Net: nc, conns: cs, log: s.Log, single: s.single}
	if p, ok := nc.(*listen.ProxyConn); ok {
		c.Net, c.proxy = p.Conn, p
	}
	state, over := cs.add(c, s)
	if over {
		cs.warn(s.Log, "refusing connections above the limit", "limit", s.MaxConns, "peer", nc.RemoteAddr().String())
	}
	switch state {
	case stateClosed:
		nc.Close()
		s.single.noteClosed(false)
	case stateRefusing:
		go c.run(s.refuse)
	default:
		go c.run(s.Handle)
	}
}

// refuse is Handle for a connection above MaxConns.
func (s *Service) refuse(_ context.Context, c *Conn) {
	c.Net.SetDeadline(time.Now().Add(refuseTime))
	s.Refuse(c.Net)
}

// add counts c and adds it to the open connections, unless the server is closed or full. A full
// server adds it only to refuse it, while fewer than maxRefusing are being refused. add returns the
// state of c, and whether c is above the limit.
func (cs *Conns) add(c *Conn, s *Service) (state connState, over bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.stats.Accepted++
	if cs.closed {
		return stateClosed, false
	}
	if s.MaxConns > 0 && len(cs.conns)-cs.refusing >= s.MaxConns {
		cs.stats.Refused++
		over = true
		if s.Refuse == nil || cs.refusing >= maxRefusing {
			return stateClosed, over
		}
		cs.refusing++
		c.refusing = true
		c.state.Store(int32(stateRefusing))
	}
	cs.conns[c] = struct{}{}
	return connState(c.state.Load()), over
}

// run calls handle, logs a panic in it, and ends c unless it was detached.
func (c *Conn) run(handle func(context.Context, *Conn)) {
	defer func() {
		if p := recover(); p != nil {
			c.detached = false
			c.conns.countPanic(p, c)
		}
		if !c.detached {
			c.End()
		}
	}()
	if c.readProxyHeader() {
		handle(c.conns.ctx, c)
	}
}

// readProxyHeader reads the header of a ProxyConn. It reports whether the connection can be served.
func (c *Conn) readProxyHeader() bool {
	if c.proxy == nil {
		return true
	}
	err := c.proxy.ReadHeader(0)
	if bad := (*listen.ProxyError)(nil); errors.As(err, &bad) {
		c.conns.warn(c.log, "closing a connection without a valid PROXY protocol header", "error", bad.Err,
			"listener", c.Net.LocalAddr().String(), "peer", c.Net.RemoteAddr().String())
	}
	return err == nil
}

// Go calls f in a new goroutine, for a detached connection. A panic in f is logged and ends the
// connection, as a panic in Handle does.
func (c *Conn) Go(f func()) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				c.conns.countPanic(p, c)
				c.End()
			}
		}()
		f()
	}()
}

func (cs *Conns) remove(c *Conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.conns, c)
	if c.refusing {
		cs.refusing--
	}
	cs.checkDrained()
}

// maxStack bounds the stack in the log line of a panic: a deep recursion must not fill the log.
const maxStack = 8 << 10

func (cs *Conns) countPanic(p any, c *Conn) {
	stack := make([]byte, maxStack)
	stack = stack[:runtime.Stack(stack, false)]
	c.log.Error("panic while serving a connection", "panic", fmt.Sprint(p), "peer", c.RemoteAddr().String(),
		"stack", string(stack))
	resetOnClose(c.Net)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.stats.Panics++
}

// resetOnClose makes the close of a TCP connection a reset, so that the peer does not take it for
// the end of a complete response.
func resetOnClose(nc net.Conn) {
	if tcp, ok := nc.(interface{ SetLinger(int) error }); ok {
		tcp.SetLinger(0)
	}
}

func (cs *Conns) countAcceptError(err error, l net.Listener, log *slog.Logger) {
	cs.mu.Lock()
	cs.stats.AcceptErrors++
	cs.mu.Unlock()
	cs.warn(log, "cannot accept connections, trying again", "listener", l.Addr().String(), "error", err)
}

func (cs *Conns) countWrongPeer(err error, nc net.Conn, log *slog.Logger) {
	cs.mu.Lock()
	cs.stats.Accepted++
	cs.stats.Refused++
	cs.mu.Unlock()
	cs.warn(log, "refusing a peer that is not allowed", "listener", nc.LocalAddr().String(), "error", err)
}

// servedListener closes its listener once, since Serve and Shutdown both close it and a second
// Close is an error.
type servedListener struct {
	net.Listener
	once sync.Once
	err  error
}

func (l *servedListener) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

func (cs *Conns) addListener(l *servedListener, log *slog.Logger) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.start()
	if cs.stopping {
		return false
	}
	cs.listeners[l] = struct{}{}
	cs.log = log
	return true
}

// removeListener closes l and forgets it.
func (cs *Conns) removeListener(l *servedListener) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.noteCloseError(l)
	delete(cs.listeners, l)
	cs.checkDrained()
}

func (cs *Conns) isStopping() bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.stopping
}
