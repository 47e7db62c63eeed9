package scgi

import (
	"errors"
	"net"
	"strconv"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// page is a response that refuses a request without the App. It is written before the method is
// known, so a HEAD request gets a body too; web servers drop that.
type page struct {
	status int
	reason string
	text   string
}

var (
	pageBusy     = page{503, "Service Unavailable", "The server is busy. Try again later.\n"}
	pageTooLarge = page{431, "Request Header Fields Too Large", "The head of the request is too large.\n"}
)

// response returns the head and the body of the page, with the fields that all responses of app
// have. It identifies r.
func (p page) response(app gateway.App, r *gateway.Request) string {
	h := headers.New(
		headers.Field{Name: "Status", Value: strconv.Itoa(p.status) + " " + p.reason},
		headers.Field{Name: "Content-Type", Value: "text/plain; charset=utf-8"},
		headers.Field{Name: "Content-Length", Value: strconv.Itoa(len(p.text))},
	)
	gateway.SetOwnFields(h, app, r)
	return h.String() + p.text
}

// errBusy is the reason for refusing a request above MaxRequests.
var errBusy = errors.New("scgi: MaxRequests requests are under way")

// refuseWith answers the request of environ e with a page.
func (sv *service) refuseWith(x *serving, p page, e *util.Environ, err error) {
	r := &gateway.Request{Environ: e, Stdin: gateway.NoBody}
	x.Refuse(p.response(sv.App, r))
	if sv.Refused != nil {
		sv.Refused(&gateway.Refusal{Request: r, Status: p.status, Bytes: int64(len(p.text)), Err: err})
	}
}

// refuseBusy answers a connection above MaxConns.
func (sv *service) refuseBusy(nc net.Conn) {
	transport.RefuseConn(nc, pageBusy.response(sv.App, &gateway.Request{Environ: util.NewEnviron()}))
}
