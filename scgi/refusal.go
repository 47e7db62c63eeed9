package scgi

import (
	"net"
	"strconv"

	"github.com/cgikit/cgikit/gateway/transport"
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

// refuseBusy answers a connection above MaxConns.
func refuseBusy(nc net.Conn) { transport.RefuseConn(nc, pageBusy) }
