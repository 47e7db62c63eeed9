package transport

import (
	"io"
	"net"
	"time"
)

// Bounds of the lingering close: how much is read and discarded, how long it may take in all, and
// how long a peer may be silent. The times are those of nginx (lingering_time, lingering_timeout).
const (
	lingerBytes = 256 << 20
	lingerTime  = 30 * time.Second
	lingerPause = 5 * time.Second
)

// finish closes the connection after a complete response. If input is unread or may still arrive,
// closing at once would reset the connection and destroy the response that the peer has not read
// yet. So only the writing end is closed, and input is read until the peer closes its end.
func (x *Exchange) finish(scratch []byte) {
	if !x.in.isComplete() || !x.discardPeeked(scratch) {
		Linger(x.net, scratch)
	}
	x.net.Close()
}

// discardPeeked reads the bytes that the input only peeked at, and reports whether there were no
// others.
func (x *Exchange) discardPeeked(scratch []byte) bool {
	n := x.socket.ReadNow(scratch)
	return n == x.in.peeked && n < len(scratch)
}

// Linger closes the writing end of nc, which shows the peer the end of the response, and reads
// until the peer closes its end too: for 30 seconds at most, 5 seconds without a byte, and 256 MiB.
// It reads into scratch, and does not close nc.
func Linger(nc net.Conn, scratch []byte) {
	closeWrite(nc)
	end := time.Now().Add(lingerTime)
	for left := lingerBytes; left > 0; {
		now := time.Now()
		if now.After(end) {
			return
		}
		nc.SetReadDeadline(now.Add(lingerPause))
		n, err := nc.Read(scratch)
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

// abort closes by a reset, so that the peer notices. Over TCP, SO_LINGER causes the reset. On
// Linux, the close of a unix socket is a reset if input is unread. The input leaves its last byte
// unread; if the body is not complete, there may be no unread byte yet, and abort waits for the
// next one. On other systems the peer of a unix socket sees an ordinary close.
func (x *Exchange) abort() {
	resetOnClose(x.net)
	if x.socket.ResetsByUnread() {
		x.net.SetReadDeadline(time.Now().Add(lingerPause))
		x.socket.Peek(make([]byte, 1))
	}
	x.net.Close()
}

// RefuseConn writes answer to a connection above MaxConns, under the deadline that Service.Refuse
// has, and waits until the peer has read it and closed.
func RefuseConn(nc net.Conn, answer string) {
	if _, err := io.WriteString(nc, answer); err != nil {
		return
	}
	closeWrite(nc)
	io.CopyN(io.Discard, nc, lingerBytes)
}
