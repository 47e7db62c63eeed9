package fastcgi

import (
	"fmt"
	"io"

	"github.com/cgikit/cgikit/gateway"
)

// clientResponseBody is the body as the caller has it, held to the length that the application declared.
type clientResponseBody struct {
	io.ReadCloser
	exchange *clientExchange
	response *gateway.Response
	left     int64 // of the declared length; negative: none was declared
}

func newClientResponseBody(x *clientExchange, resp *gateway.Response) *clientResponseBody {
	return &clientResponseBody{resp.Body, x, resp, resp.BodyLength(x.request.Environ.Get("REQUEST_METHOD"))}
}

// Buffered tells gateway.Forward whether a part of the body came with the head.
func (b *clientResponseBody) Buffered() int {
	return b.ReadCloser.(interface{ Buffered() int }).Buffered()
}

func (b *clientResponseBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, b.finish(p)
	}
	if b.left > 0 {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left > 0 {
		b.left -= int64(n)
	}
	if err != io.EOF {
		return n, err
	}
	if b.left > 0 {
		return n, &gateway.BackendError{
			Status: 502,
			Reason: "the application sent a body shorter than it declared",
			Err:    fmt.Errorf("%d bytes are missing: %w", b.left, io.ErrUnexpectedEOF),
		}
	}
	b.setExitStatus()
	return n, io.EOF
}

func (b *clientResponseBody) setExitStatus() {
	b.response.ExitStatus = int(b.exchange.stdout.end.AppStatus)
}

// maxExcess bounds what is read and dropped behind a body of the declared length, so that its connection can be kept.
const maxExcess = 1 << 20

// finish waits for the end of the exchange: a body with all its bytes is no whole response before that. What else comes is read into
// scratch.
func (b *clientResponseBody) finish(scratch []byte) error {
	if len(scratch) == 0 {
		return nil
	}
	for excess := 0; excess <= maxExcess; {
		n, err := b.ReadCloser.Read(scratch)
		if err == io.EOF {
			b.setExitStatus()
		}
		if err != nil {
			return err
		}
		excess += n
	}
	return b.exchange.over(&gateway.BackendError{
		Status: 502,
		Reason: "the application sent a body longer than it declared",
		Err:    fmt.Errorf("more than %d bytes too many", maxExcess),
	})
}
