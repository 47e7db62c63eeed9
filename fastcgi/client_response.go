package fastcgi

import (
	"io"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// clientResponseBody is the body as the caller has it, held to the length that the application declared.
type clientResponseBody struct {
	exchange.DeclaredBody
	exchange *clientExchange
	response *gateway.Response
}

func newClientResponseBody(x *clientExchange, resp *gateway.Response) *clientResponseBody {
	return &clientResponseBody{exchange.NewDeclaredBody(x.request, resp), x, resp}
}

// Read gives io.EOF after END_REQUEST: a body with all its bytes is no complete response before that. The connection is closed
// after an application that has sent more.
func (b *clientResponseBody) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if n, err = b.DeclaredBody.Read(p); err == io.EOF && b.Complete() {
		err = b.Finish(p)
	}
	switch {
	case b.Excess() && err == io.EOF:
		b.exchange.over(errExcess)
	case err == io.EOF:
		b.response.ExitStatus = int(b.exchange.stdout.end.AppStatus)
	}
	return n, err
}
