package gateway

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// Backend performs one exchange as the web server's side: it runs a CGI script, or calls a FastCGI
// or SCGI application. Its model is http.RoundTripper, and like one it is safe for concurrent use.
type Backend interface {
	// RoundTrip sends r and returns once the head of the response is there. It may read r.Stdin
	// until the Body is closed, also after it returned. Ending the request's context ends the
	// exchange, with what [ContextError] returns. A failure of r.Stdin is a [*BodyError], and one
	// of the backend a [*BackendError]: the client is told of it.
	//
	// Where the environ has no CONTENT_LENGTH and Stdin is not nil, the length of the body is
	// unknown: a Backend whose protocol needs it returns [ErrLengthRequired].
	RoundTrip(r *Request) (*Response, error)
}

// Response is what a [Backend] answered.
type Response struct {
	Status  string           // such as "404 Not Found"; "" where the backend sent no Status
	Headers *headers.Headers // without Status

	// Body must be closed. It gives io.EOF only after a complete exchange, and a [*BackendError]
	// where the backend broke off. Close before that aborts the exchange; it does not wait for a
	// Read of Stdin under way. It may be called while a Read of Body is under way, which then
	// fails.
	Body io.ReadCloser

	// ExitStatus is FastCGI's appStatus or the script's exit status, and -1 where it is not known:
	// a script may run on after its response. It is set when Body gives io.EOF. One that is not
	// zero does not mean that the response is bad.
	ExitStatus int
}

// BackendError is a failure of the backend, as the web server's client may be told of it.
type BackendError struct {
	// 502 Bad Gateway, 503 Service Unavailable or 504 Gateway Timeout; others are taken for 502
	Status int
	Reason string // fit for the public: says what happened, not where
	Err    error  // the detail, for the log
}

// Error tells it for a log.
func (e *BackendError) Error() string { return detailed("gateway: backend: "+e.Reason, e.Err) }

// Unwrap returns the detail.
func (e *BackendError) Unwrap() error { return e.Err }

func (e *BackendError) page() (status, text string) {
	switch e.Status {
	case 503:
		status = "503 Service Unavailable"
	case 504:
		status = "504 Gateway Timeout"
	default:
		status = "502 Bad Gateway"
	}
	return status, sentence(e.Reason, status[len("502 "):])
}

// ErrLengthRequired is returned by a Backend that has to know the length of the body first, and
// does not.
var ErrLengthRequired error = lengthRequired{}

type lengthRequired struct{}

func (lengthRequired) Error() string { return "gateway: the length of the request body is unknown" }

func (lengthRequired) page() (status, text string) {
	return "411 Length Required", "The request body must have a Content-Length here.\n"
}

// Final says what a web server makes of the head of r. It adds the fields that may go to the client
// to fields, and returns the status, and the length that the head declares, -1 where it declares
// none. Where the backend sent no Status, it is "302 Found" beside a Location (RFC 3875 section
// 6.2.3) and "200 OK" else. Hop-by-hop fields are dropped (section 6.3.4), and those that a
// Connection field names (RFC 9110 section 7.6.1).
//
// What cannot be a final response is a [*BackendError] of 502: a malformed status or an interim one
// (1xx), two lengths or one that is no number, a Transfer-Encoding, which would say something else
// about the body's end than the client's connection does, and a head without any of Status,
// Content-Type and Location (section 6.3), unless it [Response.Delegates]: then the status is
// "200 OK", and a Content-Length is left out.
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

// Delegates reports whether the head names a file, or another place, from which a web server in
// front takes the body: by X-Accel-Redirect, X-Sendfile, X-Sendfile2, X-LIGHTTPD-send-file or
// X-LIGHTTPD-send-tempfile. Its Content-Length, if any, is then about that body, and no
// Content-Type need be there. Symfony's BinaryFileResponse, for one, declares the length of the
// file.
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

// Forward returns an App that answers with what b answers, as [Response.Final] has it. A response
// of unknown length is flushed as it comes, and one without a body at its head, but for a head that
// comes while b is taking the request's body: that one is held until the body was read, 64 KiB of
// the response are there, or the client has sent nothing for 200 ms, since a web server may stop
// sending the body at the head (nginx does). A body that is longer than its Content-Length is cut
// off there, with a warning (see [Request.Warn]). A response that cannot be final, or has less body
// than it declares, is answered 502 while that is possible, and breaks the exchange after that.
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
		err = forwardBody(w, w, body, length, length == unknownLength)
		if err == errExcess {
			r.Warn(fmt.Sprintf("the application sent more than its Content-Length of %d bytes; the rest was cut off", length))
			return nil
		}
		return err
	})
}

// finalFields adds the fields that may pass to dst, and returns the length that they declare.
func finalFields(dst, src *headers.Headers, status string) (length int64, err error) {
	if err := checkFinal(status); err != nil {
		return 0, err
	}
	connection := strings.Join(src.GetAll("Connection"), ",")
	for name, value := range src.All() {
		switch {
		case value == "" && (isServerField(name) || equalFold(name, "Transfer-Encoding")):
			// counts as not sent
		case equalFold(name, "Transfer-Encoding"):
			return 0, ruleError("field of the connection", name)
		case !util.IsHopByHop(name) && !util.IsConnectionOption(connection, name):
			dst.Add(name, value) // valid, since it comes out of a list
		}
	}
	return checkFields(dst)
}

// checkFinal accepts the status of a final response.
func checkFinal(status string) error {
	if err := checkStatus(status); err != nil {
		return err
	}
	if isInterim(status) {
		return ruleError("status of an interim response", status)
	}
	return nil
}

// isInterim reports whether a status, which may be empty, is that of an interim response.
func isInterim(status string) bool { return status != "" && status[0] == '1' }

// forwardBody copies the body to dst, which is w or nowhere, and compares its length with the
// declared one. flush sends each piece at once, and the head before the first one: where no length
// is declared, they may be all there is for a while.
func forwardBody(w ResponseWriter, dst io.Writer, body io.Reader, length int64, flush bool) error {
	block := blocks.Get().(*[32 << 10]byte)
	defer blocks.Put(block)
	if b, ok := body.(interface{ Buffered() int }); flush && (!ok || b.Buffered() == 0) {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	for copied := int64(0); ; {
		n, readErr := readSome(body, block[:])
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
		case readErr == io.EOF: // itself: a failure of the backend may well wrap an io.EOF
			return nil
		case readErr != nil:
			return readErr
		}
		if flush {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

// errExcess is a body that is longer than it was declared, and errShort one that is shorter.
var (
	errExcess       = errors.New("gateway: the body is longer than its Content-Length")
	errShort  error = &BackendError{Status: 502, Reason: "the application sent a body shorter than it declared", Err: ErrContentLength}
)
