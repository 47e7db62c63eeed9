package listen

import (
	"io"
	"net"
)

// readAhead replaces peek where the system cannot peek: it reads the first byte, and returns a
// connection whose first Read returns it again.
func readAhead(c net.Conn) (net.Conn, byte, error) {
	var first [1]byte
	if _, err := io.ReadFull(c, first[:]); err != nil {
		return nil, 0, err
	}
	return &unreadConn{Conn: c, unread: first[:]}, first[0], nil
}

// unreadConn is a connection whose first bytes have been read already, and are read again.
type unreadConn struct {
	net.Conn
	unread []byte
}

// Read first returns the bytes in unread, without more, since reading on could block.
func (c *unreadConn) Read(p []byte) (int, error) {
	if len(c.unread) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}
