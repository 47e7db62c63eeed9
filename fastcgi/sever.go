package fastcgi

import (
	"net"
	"time"
)

// breakMark is no record: after it, nginx, Apache, lighttpd and HAProxy take the connection for broken, where nginx takes a plain
// end for the end of the response, within a record too.
const breakMark = "\xff\xff\xff\xff\xff\xff\xff\xff"

// cutTime is what eight bytes, and the record before them, may take when the peer reads; when it does not, it is not worth more.
const cutTime = 10 * time.Millisecond

// sever shows the peer that its connection, which is then to be closed, is broken. rest is what it was not sent yet of a record, as the
// mark would be content within one. A peer that does not read finds its TCP connection reset; a unix socket cannot be, and is given
// room for more, where the system's net.core.wmem_max has some left.
func sever(nc net.Conn, rest net.Buffers) {
	if u, ok := nc.(*net.UnixConn); ok {
		u.SetWriteBuffer(2 * wideBuffer)
	}
	nc.SetWriteDeadline(time.Now().Add(cutTime))
	rest = append(rest, []byte(breakMark))
	if _, err := rest.WriteTo(nc); err == nil {
		return
	}
	if t, ok := nc.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
}
