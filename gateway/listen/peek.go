package listen

import (
	"io"
	"net"
)

// readAhead is peek where the system cannot: it reads the first byte and returns a connection that
// begins with it.
func readAhead(c net.Conn) (net.Conn, byte, error) {
	var first [1]byte
	if _, err := io.ReadFull(c, first[:]); err != nil {
		return nil, 0, err
	}
	return &unreadConn{Conn: c, unread: first[:]}, first[0], nil
}

// unreadConn is a connection some bytes of which were read too early.
type unreadConn struct {
	net.Conn
	unread []byte
}

// Read returns the early bytes alone: to read on might block.
func (c *unreadConn) Read(p []byte) (int, error) {
	if len(c.unread) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}
