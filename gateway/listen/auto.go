package listen

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway/internal/accept"
)

// Mux serves several protocols on one listener. Each of its three listeners accepts the connections
// of one protocol, as the shared listener returned them, with nothing read. The first byte
// distinguishes the protocols: FastCGI begins with its version, 1 (FastCGI section 3.3), SCGI with
// a digit (SCGI section 3), and HTTP with the letter of a method.
//
// A program that does not serve a protocol closes the listener of that protocol. The Mux then
// closes connections of that protocol, and logs the first. A server that is shut down closes its
// listener too. When all three are closed, the Mux closes the shared listener.
type Mux struct {
	HTTP, FastCGI, SCGI net.Listener

	shared  net.Listener
	timeout time.Duration
	log     *slog.Logger
	running sync.WaitGroup // the accept loop, and one goroutine for each undecided connection

	closingShared sync.Once
	stopping      sync.Once
	quit          chan struct{} // closed when the Mux ends
	// closed when nothing more is accepted and no connection is undecided
	empty    chan struct{}
	err      error // the error of the three listeners; set before quit is closed
	closeErr error

	mu       sync.Mutex
	stopped  bool
	open     int  // number of the three listeners that neither drain nor are closed
	unclosed int  // number of the three listeners that are not closed
	draining bool // open is 0 or Drain was called: the queue is being accepted
	accepted bool // nothing more is accepted
	isEmpty  bool // empty is closed
	waiting  waitingList
	warnings accept.Notices
}

// undecided is a connection that none of the three listeners has returned yet. It is in the waiting
// list until a listener claims it or the Mux discards it. Whichever removes it from the list owns
// the connection.
type undecided struct {
	conn  net.Conn
	ready net.Conn      // the connection that Accept returns, once the protocol is known
	peer  string        // key in waiting.peers
	at    *list.Element // nil once it is removed; guarded by Mux.mu
	gone  chan struct{} // closed when it is discarded
}

// defaultReadTimeout is the default of the servers' ReadTimeout.
const defaultReadTimeout = 60 * time.Second

// Split accepts connections on l and distributes them by protocol, until the Mux is closed or l
// fails. A connection must send its first byte within readTimeout: zero means 60 seconds, negative
// no limit. At most 1,024 connections may wait for their first byte, and 256 of one address. Above
// that, a new connection replaces the oldest one of the address that has the most. Connections that
// the Mux closes are logged with the reason, each reason again only after a minute without it. A
// peer that closes before its first byte is not logged. A nil log means slog.Default().
//
// The first byte is read with MSG_PEEK from the *net.TCPConn or *net.UnixConn that Accept then
// returns, so that sendfile(2) works. Connections of other types, and all on Windows, are returned
// in a wrapper that reads the byte once more. Of a [*ProxyConn], Split reads the header first, for
// which it waits for DefaultProxyTimeout at most.
func Split(l net.Listener, readTimeout time.Duration, log *slog.Logger) *Mux {
	if readTimeout == 0 {
		readTimeout = defaultReadTimeout
	}
	if log == nil {
		log = slog.Default()
	}
	m := &Mux{shared: l, timeout: readTimeout, log: log, quit: make(chan struct{}), empty: make(chan struct{})}
	for _, b := range []*net.Listener{&m.HTTP, &m.FastCGI, &m.SCGI} {
		*b = &branch{mux: m, conns: make(chan *undecided), closed: make(chan struct{})}
		m.open++
		m.unclosed++
	}
	m.running.Add(1)
	go m.acceptLoop()
	return m
}

// Close closes the shared listener, the three listeners of the Mux and the connections that none of
// them has returned, and waits until that is done. Connections that were returned stay open.
func (m *Mux) Close() error {
	m.stop(net.ErrClosed)
	m.running.Wait()
	return m.closeErr
}

// stop closes the shared listener and the undecided connections, and makes err the error of the
// three listeners. Only the first call does anything.
func (m *Mux) stop(err error) {
	m.stopping.Do(func() {
		m.closeShared()
		m.err = err
		close(m.quit)
		m.discardAll()
	})
}

// discardAll closes the undecided connections. After it, addUndecided closes each new one.
func (m *Mux) discardAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = true
	for _, u := range m.waiting.all() {
		m.discard(u)
	}
}

func (m *Mux) acceptLoop() {
	defer m.running.Done()
	var wait accept.Backoff
	var drain accept.Drain
	for {
		c, err := m.shared.Accept()
		switch {
		case err == nil:
			wait = 0
			m.addUndecided(c)
		case m.isDraining() && drain.Again(m.shared, err):
		case m.isDraining():
			m.finishDrain()
			return
		case !accept.Passing(err):
			m.stop(err)
			return
		default:
			m.warn("cannot accept connections, trying again", "error", err)
			if !wait.Sleep(m.quit) {
				return
			}
		}
	}
}

// addUndecided adds c to the undecided connections, discards others if there are too many, and
// starts decide.
func (m *Mux) addUndecided(c net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		c.Close()
		return
	}
	u := &undecided{conn: c, gone: make(chan struct{})}
	m.addWaiting(u)
	m.running.Add(1)
	go m.decide(u)
}

// addWaiting adds u to the waiting list, and discards others if there are too many. The caller
// holds mu.
func (m *Mux) addWaiting(u *undecided) {
	for _, old := range m.waiting.add(u) {
		m.warnLocked("too many connections have sent nothing, closing the oldest of a peer", "peer", old.peer)
		m.discard(old)
	}
}

// readProxyHeader reads the header of u, if u is a ProxyConn. From then on, u counts for the client
// that the header announces and no longer for the proxy.
func (m *Mux) readProxyHeader(u *undecided) error {
	c, ok := u.conn.(*ProxyConn)
	if !ok {
		return nil
	}
	timeout := DefaultProxyTimeout
	if m.timeout > 0 {
		timeout = min(timeout, m.timeout)
	}
	if err := c.ReadHeader(timeout); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting.remove(u) {
		m.addWaiting(u)
	}
	return nil
}

// decide sends u to the listener of its protocol. The listener must claim u, since the Mux may
// discard it until then.
func (m *Mux) decide(u *undecided) {
	defer m.running.Done()
	b, err := m.protocolOf(u)
	if err == nil {
		select {
		case b.conns <- u:
			return
		case <-u.gone:
			return
		case <-b.closed:
			err = errNotServed
		}
	}
	peer := u.conn.RemoteAddr().String()
	m.mu.Lock()
	defer m.mu.Unlock()
	if u.at != nil && err != errPeerClosed {
		m.warnClosing(err, peer)
	}
	m.discard(u)
}

// warnClosing logs why a connection is closed. The caller holds mu.
func (m *Mux) warnClosing(err error, peer string) {
	if bad := (*ProxyError)(nil); errors.As(err, &bad) {
		m.warnLocked("closing a connection without a valid PROXY protocol header", "error", bad.Err, "peer", peer)
		return
	}
	m.warnLocked(err.Error(), "peer", peer)
}

// Reasons why the Mux closes a connection; the texts stand in the log.
var (
	errPeerClosed = errors.New("the peer closed before its first byte")
	errSilent     = errors.New("closing a connection that sent nothing in time")
	errTLS        = errors.New("closing a connection that begins with TLS, which is not served")
	errUnknown    = errors.New("closing a connection whose first byte belongs to no known protocol")
	errNotServed  = errors.New("closing a connection whose protocol is not served")
)

// protocolOf waits for the first byte of u, and returns the listener of its protocol.
func (m *Mux) protocolOf(u *undecided) (*branch, error) {
	if err := m.readProxyHeader(u); errors.As(err, new(*ProxyError)) {
		return nil, err
	} else if err != nil {
		return nil, errPeerClosed
	}
	if m.timeout > 0 {
		u.conn.SetReadDeadline(time.Now().Add(m.timeout))
	}
	first, err := u.peek()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSilent
	case err != nil: // such as a load balancer's check, which ends in io.EOF or a reset
		return nil, errPeerClosed
	}
	u.conn.SetReadDeadline(time.Time{})
	const tlsHandshake = 22 // the record type of a ClientHello, RFC 8446 section 5.1
	switch letter := first | 0x20; {
	case first == 1:
		return m.FastCGI.(*branch), nil
	case '0' <= first && first <= '9':
		return m.SCGI.(*branch), nil
	case 'a' <= letter && letter <= 'z':
		return m.HTTP.(*branch), nil
	case first == tlsHandshake:
		return nil, errTLS
	}
	return nil, errUnknown
}

// peek returns the first byte of u, after the header of a ProxyConn, and sets ready.
func (u *undecided) peek() (first byte, err error) {
	c, ok := u.conn.(*ProxyConn)
	if !ok {
		u.ready, first, err = peek(u.conn)
		return first, err
	}
	inner, first, err := peek(c.Conn)
	if err == nil {
		c.Conn = inner
	}
	u.ready = c
	return first, err
}

// claim removes u from the waiting list, and reports whether it was there. The caller holds mu.
func (m *Mux) claim(u *undecided) bool {
	defer m.checkEmpty()
	return m.waiting.remove(u)
}

// discard closes u, unless a listener has claimed it. The caller holds mu.
func (m *Mux) discard(u *undecided) {
	if m.claim(u) {
		close(u.gone)
		u.conn.Close()
	}
}

func (m *Mux) warn(msg string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.warnLocked(msg, args...)
}

// warnLocked logs msg, unless it was logged within the last minute. The caller holds mu.
func (m *Mux) warnLocked(msg string, args ...any) {
	if m.warnings.IsNews(msg) {
		m.log.Warn(msg, append(args, "listener", m.shared.Addr().String())...)
	}
}

// noteClosed notes that b is closed, and reports whether all three are.
func (m *Mux) noteClosed(b *branch) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !b.draining {
		m.open--
	}
	m.unclosed--
	return m.unclosed == 0
}

// branch is the listener of one protocol.
type branch struct {
	mux      *Mux
	conns    chan *undecided
	closing  sync.Once
	closed   chan struct{}
	draining bool // guarded by mux.mu
}

func (b *branch) Addr() net.Addr { return b.mux.shared.Addr() }

func (b *branch) Accept() (net.Conn, error) {
	for {
		select {
		case <-b.closed:
			return nil, net.ErrClosed
		case <-b.mux.quit:
			return nil, b.mux.err
		case u := <-b.conns:
			if b.claim(u) {
				return u.ready, nil
			}
		}
	}
}

func (b *branch) claim(u *undecided) bool {
	b.mux.mu.Lock()
	defer b.mux.mu.Unlock()
	return b.mux.claim(u)
}

// Close stops the Mux if b is the last of the three.
func (b *branch) Close() error {
	b.closing.Do(func() {
		close(b.closed)
		if b.mux.noteClosed(b) {
			b.mux.stop(net.ErrClosed)
		}
	})
	return nil
}
