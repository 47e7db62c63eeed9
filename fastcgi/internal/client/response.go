package client

import (
	"errors"
	"io"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// readResponse reads the head of the response. Its Body reads the rest.
func (x *roundTrip) readResponse(maxHead int) (*gateway.Response, error) {
	resp, err := gateway.ReadResponse(x, maxHead)
	if err != nil {
		if reason := x.ended(); reason != io.EOF && reason != errBodyClosed {
			err = reason // for those two, the error of ReadResponse tells more
		}
		return nil, err
	}
	body := &responseBody{exchange.NewDeclaredBody(x.request, resp), x, resp}
	// a body that is longer than declared must be noticed before the connection is returned
	x.stdout.withEnd = !body.Declared()
	resp.Body = body
	return resp, nil
}

// responseBody is the body of a response. It ends at its declared length.
type responseBody struct {
	exchange.DeclaredBody
	roundTrip *roundTrip
	response  *gateway.Response
}

// errExcess ends an exchange whose application sent more than its Content-Length. The connection is
// then closed.
var errExcess = errors.New("fastcgi: the application sent more than it declared")

// Read returns io.EOF only after FCGI_END_REQUEST: until then the response is not complete, even if
// the declared length has been read.
func (b *responseBody) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if n, err = b.DeclaredBody.Read(p); err == io.EOF && b.Complete() {
		err = b.Finish(p)
	}
	switch {
	case b.Excess() && err == io.EOF:
		b.roundTrip.move(fails, errExcess)
	case err == io.EOF:
		b.response.ExitStatus = int(b.roundTrip.stdout.end.AppStatus)
	}
	return n, err
}
