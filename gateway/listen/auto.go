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
// of one protocol, exactly as the shared listener returned them, with nothing read. A protocol is
// told by the first byte: FastCGI begins with its version, 1 (FastCGI section 3.3), SCGI with a
// digit (SCGI section 3) and HTTP with the letter of a method.
//
// Who does not serve a protocol closes its listener: then its connections are closed, with a line
// in the log for the first. So does a server that is shut down; when all three are closed, the
// shared listener is closed too.
type Mux struct {
	HTTP, FastCGI, SCGI net.Listener

	shared  net.Listener
	timeout time.Duration
	log     *slog.Logger
	running sync.WaitGroup // the goroutine that accepts, and one of each undecided connection

	closingShared sync.Once
	ending        sync.Once
	quit          chan struct{} // closed at the end
	// closed when nothing more will be taken and no connection is undecided
	empty    chan struct{}
	err      error // set before that: what the three listeners return from then on
	closeErr error

	mu        sync.Mutex
	ended     bool
	open      int  // of the three listeners, those that neither drain nor are closed
	unclosed  int  // of the three listeners
	draining  bool // none is open: Accept takes what is there
	accepted  bool // nothing more will be taken
	isEmpty   bool // empty is closed
	undecided crowd
	troubles  accept.Notices
}

// undecided is a connection that none of the three listeners has returned yet. It is in the crowd
// until it is claimed by the one or dropped by the Mux: the one that takes it out owns the
// connection.
type undecided struct {
	conn  net.Conn
	ready net.Conn      // what to hand on, once the protocol is known
	peer  string        // by whom it counts in the crowd
	at    *list.Element // nil once it is out; guarded by Mux.mu
	gone  chan struct{} // closed when it was dropped
}

// defaultReadTimeout is the servers' default for ReadTimeout.
const defaultReadTimeout = 60 * time.Second

// Split tells the protocols on l apart until the Mux is closed or l fails. A connection must send
// its first byte within readTimeout: zero is 60 seconds, negative no limit. At most 1,024
// connections may wait so, and 256 of one address; above, the oldest one of the address that has
// the most is closed for a newer one. What is closed is logged with the reason, once and again
// after a minute without; a peer that leaves before its first byte is not. A nil log is
// slog.Default().
//
// The first byte is read with MSG_PEEK from the *net.TCPConn or *net.UnixConn that is then handed
// on, so that sendfile(2) works. Connections of other types, and all on Windows, are handed on in a
// wrapper that gives the byte back.
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
	go m.acceptAll()
	return m
}

// Close closes the shared listener, the three of the Mux and the connections that none of them has
// returned, and waits until all that is done. Connections that were returned go on.
func (m *Mux) Close() error {
	m.end(net.ErrClosed)
	m.running.Wait()
	return m.closeErr
}

// end makes err the error of the three listeners. Only the first call does anything.
func (m *Mux) end(err error) {
	m.ending.Do(func() {
		m.closeShared()
		m.err = err
		close(m.quit)
		m.dropAll()
	})
}

// dropAll closes what nobody has accepted, and from now on what take is given.
func (m *Mux) dropAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	for _, u := range m.undecided.all() {
		m.drop(u)
	}
}

func (m *Mux) acceptAll() {
	defer m.running.Done()
	var wait accept.Backoff
	var rest accept.Rest
	for {
		c, err := m.shared.Accept()
		switch {
		case err == nil:
			wait = 0
			m.take(c)
		case m.isDraining() && rest.Waits(m.shared, err):
		case m.isDraining():
			m.endDrained()
			return
		case !accept.Passing(err):
			m.end(err)
			return
		default:
			m.trouble("cannot accept connections, trying again", "error", err)
			if !wait.Sleep(m.quit) {
				return
			}
		}
	}
}

// take starts to find out the protocol of c, and makes place for it first.
func (m *Mux) take(c net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		c.Close()
		return
	}
	u := &undecided{conn: c, gone: make(chan struct{})}
	for _, old := range m.undecided.add(u) {
		m.troubleLocked("too many connections have sent nothing, closing the oldest of a peer", "peer", old.peer)
		m.drop(old)
	}
	m.running.Add(1)
	go m.decide(u)
}

// decide hands u to the listener of its protocol. That must claim it, as the Mux may drop it until
// then.
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
	if u.at != nil && err != errLeft {
		m.troubleLocked(err.Error(), "peer", peer)
	}
	m.drop(u)
}

// Why a connection is closed undecided; the texts are those of the log.
var (
	errLeft      = errors.New("the peer left before its first byte")
	errSilent    = errors.New("closing a connection that sent nothing in time")
	errTLS       = errors.New("closing a connection that speaks TLS, which is not spoken here")
	errUnknown   = errors.New("closing a connection whose first byte is that of no known protocol")
	errNotServed = errors.New("closing a connection whose protocol is not served")
)

// protocolOf reads ahead by one byte.
func (m *Mux) protocolOf(u *undecided) (*branch, error) {
	if m.timeout > 0 {
		u.conn.SetReadDeadline(time.Now().Add(m.timeout))
	}
	var first byte
	var err error
	u.ready, first, err = peek(u.conn)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSilent
	case err != nil: // a load balancer's check ends in io.EOF or a reset
		return nil, errLeft
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

// claim takes u out of the crowd and reports whether it was there. The caller holds mu.
func (m *Mux) claim(u *undecided) bool {
	defer m.checkEmpty()
	return m.undecided.remove(u)
}

// drop closes u, unless somebody has claimed it. The caller holds mu.
func (m *Mux) drop(u *undecided) {
	if m.claim(u) {
		close(u.gone)
		u.conn.Close()
	}
}

func (m *Mux) trouble(msg string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.troubleLocked(msg, args...)
}

// troubleLocked logs the first of each kind of trouble.
func (m *Mux) troubleLocked(msg string, args ...any) {
	if m.troubles.IsNews(msg) {
		m.log.Warn(msg, append(args, "listener", m.shared.Addr().String())...)
	}
}

// closes counts a closed listener and reports whether none is open.
func (m *Mux) closes(b *branch) bool {
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

// Close ends the Mux when it is the last of the three.
func (b *branch) Close() error {
	b.closing.Do(func() {
		close(b.closed)
		if b.mux.closes(b) {
			b.mux.end(net.ErrClosed)
		}
	})
	return nil
}
