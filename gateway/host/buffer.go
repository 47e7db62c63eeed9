package host

import (
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// budgetShare returns the share of the budget for the request's buffered bytes.
func (x *relay) budgetShare() *exchange.Share {
	if x.share == nil {
		x.share = x.handler.spool.budget().NewShare()
	}
	return x.share
}

// readAhead makes the response be read ahead of a slow client, if Buffer is set and the response
// does not forbid it.
func (x *relay) readAhead(resp *gateway.Response) {
	if !x.handler.Buffer || isUnbuffered(resp) {
		return
	}
	request, spool := x.sent, x.handler.spool
	resp.Body = &exchange.ReadAhead{Body: resp.Body, Share: x.budgetShare(), Failed: func(err *exchange.SpoolError) {
		if spool.noFile.IsNews() {
			request.Warn("an answer is not read ahead: " + err.Error())
		}
	}}
}
