package scgi

import (
	"errors"
	"net"
	"strconv"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
	"github.com/cgikit/cgikit/util"
)

// page is a complete response that refuses a request without the App. It is written before the
// method is known, so a HEAD request gets a body too; web servers drop that.
type page struct {
	status int
	all    string // head and body
	body   int64  // length of the body, in bytes
}

var (
	pageBusy     = newPage(503, "Service Unavailable", "The server is busy. Try again later.\n")
	pageTooLarge = newPage(431, "Request Header Fields Too Large", "The head of the request is too large.\n")
)

func newPage(status int, reason, text string) page {
	head := "Status: " + strconv.Itoa(status) + " " + reason + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
		strconv.Itoa(len(text)) + "\r\n\r\n"
	return page{status, head + text, int64(len(text))}
}

// errBusy is the reason for refusing a request above MaxRequests.
var errBusy = errors.New("scgi: MaxRequests requests are under way")

// refuseWith answers the request of environ e with a page.
func (sv *service) refuseWith(x *serving, p page, e *util.Environ, err error) {
	x.Refuse(p.all)
	if sv.Refused != nil {
		r := &gateway.Request{Environ: e, Stdin: gateway.NoBody}
		sv.Refused(&gateway.Refusal{Request: r, Status: p.status, Bytes: p.body, Err: err})
	}
}

// refuseBusy answers a connection above MaxConns.
func refuseBusy(nc net.Conn) { transport.RefuseConn(nc, pageBusy.all) }
