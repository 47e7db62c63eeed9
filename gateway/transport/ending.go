package transport

import (
	"io"
	"net"
	"time"
)

// Bounds of the lingering close: how much is read and thrown away, how long it may take in all, and
// how long a peer may be silent. nginx has 30 s and 5 s for its own.
const (
	lingerBytes = 256 << 20
	lingerTime  = 30 * time.Second
	lingerPause = 5 * time.Second
)

// finish closes after a complete response. If input is left unread, or may still come, closing at
// once would reset the connection and destroy the response that the peer has not read yet; so the
// writing end alone is closed, and the rest is read until the peer closes too.
func (x *Exchange) finish(scratch []byte) {
	if !x.in.whole() || !x.drained(scratch) {
		x.linger(scratch)
	}
	x.net.Close()
}

// drained takes the bytes that the input has left in the system, and reports whether no others were
// there.
func (x *Exchange) drained(scratch []byte) bool {
	n := x.socket.ReadNow(scratch)
	return n == x.in.kept && n < len(scratch)
}

func (x *Exchange) linger(scratch []byte) {
	closeWrite(x.net)
	end := time.Now().Add(lingerTime)
	for left := lingerBytes; left > 0; {
		now := time.Now()
		if now.After(end) {
			return
		}
		x.net.SetReadDeadline(now.Add(lingerPause))
		n, err := x.net.Read(scratch)
		if err != nil {
			return
		}
		left -= n
	}
}

func closeWrite(nc net.Conn) {
	if w, ok := nc.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	}
}

// abort closes so that the peer notices: by a reset. Over TCP SO_LINGER does it. A unix socket on
// Linux is reset if input is unread, which the input sees to; where the body did not come to its
// end, there may be none yet, and the next byte is waited for. Elsewhere the peer sees a plain
// close.
func (x *Exchange) abort() {
	resetOnClose(x.net)
	if x.socket.ResetsByUnread() {
		x.net.SetReadDeadline(time.Now().Add(lingerPause))
		x.socket.Peek(make([]byte, 1))
	}
	x.net.Close()
}

// RefuseConn writes answer to a connection above MaxConns, under the deadline that Service.Refuse
// has, and waits until the peer has taken it.
func RefuseConn(nc net.Conn, answer string) {
	if _, err := io.WriteString(nc, answer); err != nil {
		return
	}
	closeWrite(nc)
	io.CopyN(io.Discard, nc, lingerBytes)
}
