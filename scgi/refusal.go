package scgi

import (
	"io"
	"net"
	"strconv"
)

// Answers to what no App gets to see. They are written before the request is known, so also to a HEAD; web servers drop the
// body of that.
var (
	pageBusy     = page("503 Service Unavailable", "The server is busy. Try again later.\n")
	pageTooLarge = page("431 Request Header Fields Too Large", "The head of the request is too large.\n")
)

func page(status, text string) string {
	return "Status: " + status + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
		strconv.Itoa(len(text)) + "\r\n\r\n" + text
}

// answer sends a page and closes when the peer has taken it.
func (c *conn) answer(page string, scratch []byte) {
	if _, err := io.WriteString(c, page); err == nil {
		c.linger(scratch)
	}
}

// refuseBusy answers a connection above MaxConns, under the deadline that package listen has set.
func refuseBusy(nc net.Conn) {
	if _, err := io.WriteString(nc, pageBusy); err != nil {
		return
	}
	if w, ok := nc.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	}
	io.CopyN(io.Discard, nc, lingerBytes)
}
