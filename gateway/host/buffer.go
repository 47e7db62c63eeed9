package host

import (
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// reserve returns the share of the budget in which what the request has waiting counts.
func (x *relay) reserve() *exchange.Share {
	if x.share == nil {
		x.share = x.handler.spool.budget().NewShare()
	}
	return x.share
}

// readAhead has the response read ahead of a slow client, if that is wanted.
func (x *relay) readAhead(resp *gateway.Response) {
	if !x.handler.Buffer || strings.EqualFold(resp.Headers.Get("X-Accel-Buffering"), "no") {
		return
	}
	request, spool := x.sent, x.handler.spool
	resp.Body = &exchange.ReadAhead{Body: resp.Body, Share: x.reserve(), Failed: func(err *exchange.SpoolError) {
		if spool.noFile.IsNews() {
			request.Warn("an answer is not read ahead: " + err.Error())
		}
	}}
}
