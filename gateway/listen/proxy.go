package listen

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// ProxyConn is a connection to a listener whose address has proxy=1. It begins with a header of the
// PROXY protocol, version 1 or 2, by which a proxy such as HAProxy announces the address of its
// client (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
//
// Any peer can announce any address. So the accept loop of a server must check the peer, which is
// Conn.RemoteAddr, and its goroutine for the connection must then call ReadHeader. Until that
// succeeds, Read fails. The servers of this module do both: the peer must be among their
// AllowedPeers, or have a loopback address if these are empty.
type ProxyConn struct {
	// Conn is the connection itself. After ReadHeader it can be used in place of the ProxyConn. It
	// is a *net.TCPConn or a *net.UnixConn, so that sendfile(2) works on it.
	net.Conn

	isRead bool
	err    error    // of ReadHeader
	remote net.Addr // nil if no address is announced
}

// ProxyError is the failure of ReadHeader for a connection without a complete, valid header.
type ProxyError struct{ Err error }

// Error returns a text for a log.
func (e *ProxyError) Error() string { return "listen: " + e.Err.Error() }

// Unwrap returns the reason.
func (e *ProxyError) Unwrap() error { return e.Err }

// DefaultProxyTimeout bounds the wait for a PROXY protocol header. Proxies send it as soon as they
// have connected. A lost segment is sent again after up to 3 seconds.
const DefaultProxyTimeout = 5 * time.Second

// ReadHeader reads the header, and no byte beyond it. It waits for the whole header for the timeout
// at most: zero means DefaultProxyTimeout, negative no limit. A header may have 107 bytes in
// version 1 and 536 in version 2. The extensions (TLVs) of version 2 are ignored.
//
// The error is a [*ProxyError] if the header is missing, not valid or not complete. It is another
// one if the peer closed the connection before its first byte. A second call does nothing and
// returns the same result. ReadHeader must not be called while another goroutine uses c, except to
// close it.
func (c *ProxyConn) ReadHeader(timeout time.Duration) error {
	if c.isRead {
		return c.err
	}
	c.isRead = true
	if timeout == 0 {
		timeout = DefaultProxyTimeout
	}
	if timeout > 0 {
		c.Conn.SetReadDeadline(time.Now().Add(timeout))
		defer c.Conn.SetReadDeadline(time.Time{})
	}
	h, err := readProxyHeader(c.Conn)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.err = &ProxyError{fmt.Errorf("no complete PROXY protocol header within %v", timeout)}
	case err != nil:
		c.err = err
	case h.unix:
		c.remote = &net.UnixAddr{Net: "unix", Name: "@"}
	case h.source.IsValid():
		c.remote = net.TCPAddrFromAddrPort(h.source)
	}
	return c.err
}

// RemoteAddr returns the address that the header announces. It returns that of the peer before
// ReadHeader, and if the header announces none (LOCAL in version 2, UNKNOWN in version 1). The
// client of a unix socket of the proxy is a *net.UnixAddr.
func (c *ProxyConn) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.Conn.RemoteAddr()
}

var errHeaderUnread = errors.New("listen: the PROXY protocol header has not been read")

// Read reads what follows the header. It fails until ReadHeader has succeeded.
func (c *ProxyConn) Read(p []byte) (int, error) {
	switch {
	case !c.isRead:
		return 0, errHeaderUnread
	case c.err != nil:
		return 0, c.err
	}
	return c.Conn.Read(p)
}

// readProxyHeader peeks at what has arrived, and reads the part of it that belongs to the header.
func readProxyHeader(c net.Conn) (proxyHeader, error) {
	var buf [maxProxyHeader]byte
	for have := 0; ; {
		n, err := peekSome(c, buf[have:])
		unread := n
		if errors.Is(err, errors.ErrUnsupported) {
			n, err = c.Read(buf[have : have+1])
			unread = 0
		}
		if err != nil {
			return proxyHeader{}, describeCut(have, err)
		}
		h, size, err := decodeProxyHeader(buf[:have+n])
		if err != nil {
			return h, &ProxyError{err}
		}
		part := buf[have : have+n]
		if size > 0 {
			part = buf[have:size]
		}
		if unread > 0 {
			if _, err := io.ReadFull(c, part); err != nil {
				return h, err
			}
		}
		if size > 0 {
			return h, nil
		}
		have += n
	}
}

// describeCut returns the error for a connection that failed after some bytes of its header.
func describeCut(have int, err error) error {
	if have == 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return &ProxyError{fmt.Errorf("the connection failed after %d bytes of its PROXY protocol header: %w", have, err)}
}

// proxyListener makes the connections of a listener ProxyConns.
type proxyListener struct{ socketListener }

// socketListener is what every listener of Listen offers.
type socketListener interface {
	net.Listener
	syscall.Conn
	SetDeadline(time.Time) error
}

// Accept returns a *ProxyConn. It does not wait for the header.
func (l proxyListener) Accept() (net.Conn, error) {
	c, err := l.socketListener.Accept()
	if err != nil {
		return nil, err
	}
	return &ProxyConn{Conn: c}, nil
}

// Drain lets Accept return the connections in the queue until the given time.
func (l proxyListener) Drain(until time.Time) error {
	if d, ok := l.socketListener.(interface{ Drain(time.Time) error }); ok {
		return d.Drain(until)
	}
	return l.SetDeadline(until)
}
