package exchange

import (
	"fmt"
	"io"
	"strconv"

	"github.com/cgikit/cgikit/gateway"
)

// DeclaredLength is how many bytes of body resp must have by its Content-Length, when it answers a
// request of that method. It is negative where no length is declared, or a malformed one, which
// gateway.Response.Final refuses, and where a Content-Length does not describe the response's own
// body: to HEAD, with 204, 205 and 304 (RFC 9110 section 8.6), and where resp delegates its body.
func DeclaredLength(method string, resp *gateway.Response) int64 {
	declared, ok := resp.Headers.Lookup("Content-Length")
	if !ok || method == "HEAD" || HasNoBody(resp.Status) || resp.Delegates() {
		return UnknownLength
	}
	n, err := strconv.ParseUint(declared, 10, 63)
	if err != nil {
		return UnknownLength
	}
	return int64(n)
}

// HasNoBody reports whether a response with this status, which may be empty, is complete with its
// head (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
func HasNoBody(status string) bool {
	switch status[:min(len(status), 3)] {
	case "204", "205", "304":
		return true
	}
	return false
}

// DeclaredBody is the body of a response that ends where its Content-Length says. Bytes beyond that
// are cut off with one warning on the request's error log; nginx does the same. A body that ends
// before it is a failure of the backend.
//
// It is for one goroutine. Its user must not keep the backend's connection once Excess reports
// true.
type DeclaredBody struct {
	body    io.ReadCloser
	request *gateway.Request
	length  int64 // UnknownLength: the body ends with its stream
	left    int64 // of length
	excess  bool
}

// NewDeclaredBody returns a reader of resp's body, which answers r, held to DeclaredLength. The
// caller puts it in the body's place.
func NewDeclaredBody(r *gateway.Request, resp *gateway.Response) DeclaredBody {
	length := DeclaredLength(r.Environ.Get("REQUEST_METHOD"), resp)
	return DeclaredBody{body: resp.Body, request: r, length: length, left: length}
}

// Read gives io.EOF after the last declared byte without waiting for the end of the stream. Where
// the stream ends first, the error is a [*gateway.BackendError] of 502. Other errors of the stream
// come out as they are.
func (b *DeclaredBody) Read(p []byte) (int, error) {
	if b.Complete() {
		return 0, io.EOF
	}
	n, err := b.body.Read(p)
	if b.length == UnknownLength {
		return n, err
	}
	if int64(n) > b.left {
		n = int(b.left)
		b.noteExcess()
	}
	b.left -= int64(n)
	switch {
	case b.left == 0:
		return n, nil // complete, whatever the stream says next
	case err == io.EOF:
		err = &gateway.BackendError{
			Status: 502,
			Reason: "the application sent a body shorter than it declared",
			Err:    fmt.Errorf("%d bytes of its Content-Length are missing: %w", b.left, io.ErrUnexpectedEOF),
		}
	}
	return n, err
}

// Complete reports whether all declared bytes were read. It is false where no length is declared.
func (b *DeclaredBody) Complete() bool {
	if b.left != 0 {
		return false
	}
	if b.buffered() > 0 {
		b.noteExcess()
	}
	return true
}

// Finish reads the stream to its end once the body is complete, for a protocol whose stream tells
// there whether the exchange is complete. It returns io.EOF at that end, or at the first byte that
// is too many, and else the stream's error. scratch, which must not be empty, is overwritten.
func (b *DeclaredBody) Finish(scratch []byte) error {
	for !b.excess {
		n, err := b.body.Read(scratch)
		if n > 0 {
			b.noteExcess()
		} else if err != nil {
			return err
		}
	}
	return io.EOF
}

// Excess reports whether the backend sent more than it declared, as far as that was read.
func (b *DeclaredBody) Excess() bool { return b.excess }

// noteExcess warns once.
func (b *DeclaredBody) noteExcess() {
	if !b.excess {
		b.excess = true
		b.request.Warn(fmt.Sprintf("the application sent more than its Content-Length of %d bytes; the rest was cut off", b.length))
	}
}

// Buffered is how many bytes of the body came together with the head: gateway.Forward asks for it.
func (b *DeclaredBody) Buffered() int {
	if n := b.buffered(); b.length == UnknownLength || int64(n) < b.left {
		return n
	}
	return int(b.left)
}

// buffered is that of the stream.
func (b *DeclaredBody) buffered() int {
	if body, ok := b.body.(interface{ Buffered() int }); ok {
		return body.Buffered()
	}
	return 0
}

// Close closes the stream.
func (b *DeclaredBody) Close() error { return b.body.Close() }
