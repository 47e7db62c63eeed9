package exchange

import (
	"fmt"
	"io"
	"strconv"

	"github.com/cgikit/cgikit/gateway"
)

// DeclaredLength returns how many bytes of body resp must have, according to its Content-Length, as
// the response to a request with the given method. It returns UnknownLength if no length is
// declared, or a malformed one, for which gateway.Response.Final returns an error. It also returns
// UnknownLength if the Content-Length does not describe the body of this response: for HEAD, for
// 204, 205 and 304 (RFC 9110 section 8.6), and if resp delegates its body.
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

// HasNoBody reports whether a response with this status has no body (RFC 9110 sections 15.3.5,
// 15.3.6 and 15.4.5). status may be empty.
func HasNoBody(status string) bool {
	switch status[:min(len(status), 3)] {
	case "204", "205", "304":
		return true
	}
	return false
}

// DeclaredBody is the body of a response, limited to its Content-Length. Bytes beyond that are cut
// off with one warning in the request's error log; nginx does the same. A shorter body is a failure
// of the backend.
//
// It must not be used by several goroutines at the same time. If Excess reports true, the backend's
// connection must not be used again.
type DeclaredBody struct {
	body      io.ReadCloser
	request   *gateway.Request
	length    int64 // if UnknownLength, the body ends with its stream
	remaining int64 // bytes of length not read yet
	excess    bool
}

// NewDeclaredBody returns a reader of resp's body, limited to DeclaredLength. resp is the response
// to r. The caller replaces resp.Body by it.
func NewDeclaredBody(r *gateway.Request, resp *gateway.Response) DeclaredBody {
	length := DeclaredLength(r.Environ.Get("REQUEST_METHOD"), resp)
	return DeclaredBody{body: resp.Body, request: r, length: length, remaining: length}
}

// Read returns io.EOF after the last declared byte, without waiting for the end of the stream. If
// the stream ends earlier, the error is a [*gateway.BackendError] of 502. Other errors of the
// stream are returned unchanged.
func (b *DeclaredBody) Read(p []byte) (int, error) {
	if b.Complete() {
		return 0, io.EOF
	}
	n, err := b.body.Read(p)
	if b.length == UnknownLength {
		return n, err
	}
	if int64(n) > b.remaining {
		n = int(b.remaining)
		b.noteExcess()
	}
	b.remaining -= int64(n)
	switch {
	case b.remaining == 0:
		return n, nil // complete, even if the stream returned an error
	case err == io.EOF:
		err = &gateway.BackendError{
			Status: 502,
			Reason: "the application sent a body shorter than it declared",
			Err:    fmt.Errorf("%d bytes of its Content-Length are missing: %w", b.remaining, io.ErrUnexpectedEOF),
		}
	}
	return n, err
}

// Declared reports whether the body has a declared length.
func (b *DeclaredBody) Declared() bool { return b.length != UnknownLength }

// Complete reports whether all declared bytes were read. It is false if no length is declared.
func (b *DeclaredBody) Complete() bool {
	if b.remaining != 0 {
		return false
	}
	if b.streamBuffered() > 0 {
		b.noteExcess()
	}
	return true
}

// Finish reads the stream to its end after the body is complete, for a protocol whose stream
// reports at its end whether the exchange is complete. It returns io.EOF at that end or at the
// first excess byte, and otherwise the error of the stream. It overwrites scratch, which must not
// be empty.
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

// Excess reports whether bytes beyond the declared length were read.
func (b *DeclaredBody) Excess() bool { return b.excess }

// noteExcess records the excess, and logs a warning the first time.
func (b *DeclaredBody) noteExcess() {
	if !b.excess {
		b.excess = true
		b.request.Warn(fmt.Sprintf("the application sent more than its Content-Length of %d bytes; the rest was cut off", b.length))
	}
}

// Buffered returns how many bytes of the body the next Reads return at least without waiting.
// gateway.Forward calls it.
func (b *DeclaredBody) Buffered() int {
	if n := b.streamBuffered(); b.length == UnknownLength || int64(n) < b.remaining {
		return n
	}
	return int(b.remaining)
}

// streamBuffered returns how many bytes of the stream have arrived, as far as the stream tells.
func (b *DeclaredBody) streamBuffered() int {
	if body, ok := b.body.(interface{ Buffered() int }); ok {
		return body.Buffered()
	}
	return 0
}

// Close closes the stream.
func (b *DeclaredBody) Close() error { return b.body.Close() }
