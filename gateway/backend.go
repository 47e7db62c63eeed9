package gateway

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// Backend performs one exchange in the role of the web server: it runs a CGI script, or calls a
// FastCGI or SCGI application. It is modelled on http.RoundTripper, and like that it must be safe
// for concurrent use.
type Backend interface {
	// RoundTrip sends r and returns when it has read the head of the response. It may read r.Stdin
	// until Body is closed, also after it has returned. The end of the request's context ends the
	// exchange with the error of [ContextError]. If r.Stdin fails, the error is a [*BodyError]. If
	// the backend fails, it is a [*BackendError]; its Status and Reason are sent to the client.
	//
	// If the environ has no CONTENT_LENGTH and Stdin is not nil, the length of the body is unknown.
	// A Backend whose protocol needs the length returns [ErrLengthRequired].
	RoundTrip(r *Request) (*Response, error)
}

// Response is the response of a [Backend].
type Response struct {
	Status  string           // such as "404 Not Found"; "" if the backend sent no Status
	Headers *headers.Headers // without Status

	// Unbuffered has [Forward] flush each piece of the body, also of one whose length is declared.
	// It is for a Backend that has removed the field X-Accel-Buffering: no, which does the same.
	Unbuffered bool

	// Body must be closed. Its Read returns io.EOF only after a complete exchange, and a
	// [*BackendError] if the backend ended early. Close before io.EOF aborts the exchange. It does
	// not wait for a pending Read of Stdin. It may be called during a Read of Body, which then
	// fails.
	Body io.ReadCloser

	// ExitStatus is FastCGI's appStatus or the script's exit status. It is -1 if the status is not
	// known, since a script may continue to run after its response. It is set when Body returns
	// io.EOF. A status other than zero does not mean that the response is bad.
	ExitStatus int
}

// BackendError is a failure of the backend. Status and Reason are sent to the client.
type BackendError struct {
	// 502 Bad Gateway, 503 Service Unavailable or 504 Gateway Timeout; any other value means 502
	Status int
	Reason string // for the client: what happened, without internal names
	Err    error  // the detail, for the log
}

// Error returns the Reason and the detail, for a log.
func (e *BackendError) Error() string { return withDetail("gateway: backend: "+e.Reason, e.Err) }

// Unwrap returns the detail.
func (e *BackendError) Unwrap() error { return e.Err }

func (e *BackendError) publicPage() (status, text string) {
	switch e.Status {
	case 503:
		status = "503 Service Unavailable"
	case 504:
		status = "504 Gateway Timeout"
	default:
		status = "502 Bad Gateway"
	}
	return status, publicSentence(e.Reason, status[len("502 "):])
}

// ErrLengthRequired is returned by a Backend whose protocol sends the length before the body, if
// the length is unknown.
var ErrLengthRequired error = lengthRequired{}

type lengthRequired struct{}

func (lengthRequired) Error() string { return "gateway: the length of the request body is unknown" }

func (lengthRequired) publicPage() (status, text string) {
	return "411 Length Required", "The request body must have a Content-Length here.\n"
}

// Final turns the head of r into the head that a web server sends to its client. It adds the fields
// that may be forwarded to fields, and returns the status and the declared length, which is -1 if
// none is declared. If the backend sent no Status, the status is "302 Found" with a Location (RFC
// 3875 section 6.2.3) and "200 OK" otherwise. Final drops hop-by-hop fields (section 6.3.4) and the
// fields that a Connection field names (RFC 9110 section 7.6.1).
//
// The error is a [*BackendError] of 502 if the head cannot be that of a final response: its status
// is malformed or interim (1xx), it has two lengths or one that is not a number, it has a
// Transfer-Encoding, which could contradict the framing of the client's connection, or it has none
// of Status, Content-Type and Location (section 6.3). A head that delegates the body (see
// [Response.Delegates]) needs none of the three: its status is then "200 OK". The Content-Length of
// such a head is left out.
func (r *Response) Final(fields *headers.Headers) (status string, length int64, err error) {
	switch {
	case r.Status != "":
		status = r.Status
	case r.Headers.Get("Location") != "":
		status = "302 Found"
	case r.Headers.Get("Content-Type") != "", r.Delegates():
		status = "200 OK"
	default:
		return "", 0, badHead(errors.New("no Content-Type, Location or Status"))
	}
	if length, err = finalFields(fields, r.Headers, status); err != nil {
		return "", 0, badHead(err)
	}
	if r.Delegates() {
		fields.Del("Content-Length")
		length = unknownLength
	}
	return status, length, nil
}

// Delegates reports whether the head tells the web server in front to take the body from a file or
// another resource: by X-Accel-Redirect, X-Sendfile, X-Sendfile2, X-LIGHTTPD-send-file or
// X-LIGHTTPD-send-tempfile. A Content-Length then describes that body, and Content-Type may be
// missing. For example, Symfony's BinaryFileResponse declares the length of the file.
func (r *Response) Delegates() bool {
	for name, value := range r.Headers.All() {
		if value != "" && isDelegation(name) {
			return true
		}
	}
	return false
}

func isDelegation(name string) bool {
	return equalFold(name, "X-Accel-Redirect") || equalFold(name, "X-Sendfile") || equalFold(name, "X-Sendfile2") ||
		equalFold(name, "X-LIGHTTPD-send-file") || equalFold(name, "X-LIGHTTPD-send-tempfile")
}

// Forward returns an App that answers with the response of b. [Response.Final] converts the head.
// If the head is not that of a final response, or the body is shorter than declared, the answer is
// 502 while the head is not committed; after that the exchange is broken. A body that is longer
// than its Content-Length is cut off at that length, with a warning (see [Request.Warn]).
//
// A response of unknown length, or with X-Accel-Buffering: no, is flushed after each piece, and a
// response without a body after its head. One case differs: b sends its head while it still reads
// the request's body. A web server may stop sending the body when it receives the head (nginx
// does). So Forward holds the head until the request's body was read, until 64 KiB of the response
// were read, or until the client has sent nothing for a second.
func Forward(b Backend) App {
	return AppFunc(func(w ResponseWriter, r *Request) error {
		r = TrackBody(r)
		resp, err := b.RoundTrip(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		status, length, err := resp.Final(w.Headers())
		if err != nil {
			return err
		}
		if err := w.Start(status); err != nil {
			return err
		}
		body := holdHead(resp.Body, r.Stdin)
		if r.Environ.Get("REQUEST_METHOD") == "HEAD" || !bodyAllowed(status) {
			return forwardBody(w, io.Discard, body, unknownLength, true)
		}
		flush := length == unknownLength || resp.Unbuffered || equalFold(resp.Headers.Get("X-Accel-Buffering"), "no")
		err = forwardBody(w, w, body, length, flush)
		if err == errExcess {
			r.Warn(fmt.Sprintf("the application sent more than its Content-Length of %d bytes; the rest was cut off", length))
			return nil
		}
		return err
	})
}

// finalFields adds the fields of src that may be forwarded to dst, and returns the length that they
// declare.
func finalFields(dst, src *headers.Headers, status string) (length int64, err error) {
	if err := checkFinal(status); err != nil {
		return 0, err
	}
	connection := strings.Join(src.GetAll("Connection"), ",")
	for name, value := range src.All() {
		switch {
		case value == "" && (isServerField(name) || equalFold(name, "Transfer-Encoding")):
			// as if it was not sent
		case equalFold(name, "Transfer-Encoding"):
			return 0, ruleError("field describes the connection, not the response", name)
		case !util.IsHopByHop(name) && !util.IsConnectionOption(connection, name):
			dst.Add(name, value) // cannot fail: src has checked it
		}
	}
	return checkFields(dst)
}

// checkFinal returns an error unless status is that of a final response.
func checkFinal(status string) error {
	if err := checkStatus(status); err != nil {
		return err
	}
	if isInterim(status) {
		return ruleError("status of an interim response", status)
	}
	return nil
}

// isInterim reports whether status is that of an interim response (1xx). status may be empty.
func isInterim(status string) bool { return status != "" && status[0] == '1' }

// forwardBody copies body to dst, which is w or io.Discard, and compares its length with the
// declared one. With flush it sends the head at once, unless part of the body is buffered already,
// and then each piece as it arrives unless the next one has arrived too, because that may take long
// to come.
func forwardBody(w ResponseWriter, dst io.Writer, body io.Reader, length int64, flush bool) error {
	var blocks forwardBlocks
	defer blocks.release()
	if flush && buffered(body) == 0 {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	for copied := int64(0); ; {
		block := blocks.reserve(buffered(body) > 0)
		n, readErr := readSome(body, block)
		if length != unknownLength && int64(n) > length-copied {
			n, readErr = int(length-copied), errExcess
		}
		copied += int64(n)
		if _, err := dst.Write(block[:n]); err != nil {
			return err
		}
		switch {
		case readErr == io.EOF && length != unknownLength && copied != length:
			return errShort
		case readErr == io.EOF: // compared by ==, since a failure of the backend may wrap io.EOF
			return nil
		case readErr != nil:
			return readErr
		}
		if flush && buffered(body) == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

// largeBlock is the size, in bytes, of the block through which a body is copied whose backend is
// ahead of the client. Four times the usual size has net/http make a quarter of the writes, of
// which each chunk of a body needs two.
const largeBlock = 128 << 10

var largeBlocks = sync.Pool{New: func() any { return new([largeBlock]byte) }}

// forwardBlocks has the blocks through which a body is copied. The large one is kept only until the
// backend is waited for, because that may take long, for many clients at the same time.
type forwardBlocks struct {
	small *[32 << 10]byte
	large *[largeBlock]byte
}

// reserve returns a block: a large one if bytes have arrived already.
func (b *forwardBlocks) reserve(arrived bool) []byte {
	if arrived {
		if b.large == nil {
			b.large = largeBlocks.Get().(*[largeBlock]byte)
		}
		return b.large[:]
	}
	b.releaseLarge()
	if b.small == nil {
		b.small = blockPool.Get().(*[32 << 10]byte)
	}
	return b.small[:]
}

func (b *forwardBlocks) releaseLarge() {
	if b.large != nil {
		largeBlocks.Put(b.large)
		b.large = nil
	}
}

func (b *forwardBlocks) release() {
	b.releaseLarge()
	if b.small != nil {
		blockPool.Put(b.small)
	}
}

// errExcess reports a body that is longer than its declared length, errShort one that is shorter.
var (
	errExcess       = errors.New("gateway: the body is longer than its Content-Length")
	errShort  error = &BackendError{Status: 502, Reason: "the application sent a body shorter than it declared", Err: ErrContentLength}
)
