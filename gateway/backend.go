package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// Backend performs one exchange as the web server's side: it runs a CGI script, or calls a FastCGI or SCGI application. Its
// model is http.RoundTripper, and like one it is safe for concurrent use.
type Backend interface {
	// RoundTrip sends r and returns once the head of the response is there. It may read r.Stdin until the Body is closed,
	// also after it returned. Ending the request's context ends the exchange. An error that a client should hear about is
	// a [*BackendError].
	//
	// Where the environ has no CONTENT_LENGTH and Stdin is not nil, the length of the body is unknown: a Backend whose
	// protocol needs it returns [ErrLengthRequired].
	RoundTrip(r *Request) (*Response, error)
}

// Response is what a [Backend] answered.
type Response struct {
	Status  string           // such as "404 Not Found"; "" where the backend sent no Status
	Headers *headers.Headers // without Status

	// Body must be closed. It gives io.EOF only after a complete exchange, and a [*BackendError] where the backend broke
	// off. Close before that aborts the exchange; it does not wait for a Read of Stdin under way.
	Body io.ReadCloser

	// ExitStatus is FastCGI's appStatus or the script's exit status. It is there after io.EOF; one that is not zero does
	// not mean that the response is bad.
	ExitStatus int
}

// BackendError is a failure of the backend, as the web server's client may be told of it.
type BackendError struct {
	Status int    // 502 Bad Gateway, 503 Service Unavailable or 504 Gateway Timeout
	Reason string // fit for the public: says what happened, not where
	Err    error  // the detail, for the log
}

func (e *BackendError) Error() string {
	if e.Err == nil {
		return "gateway: backend: " + e.Reason
	}
	return fmt.Sprintf("gateway: backend: %s: %v", e.Reason, e.Err)
}

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
	return status, strings.ToUpper(e.Reason[:min(1, len(e.Reason))]) + e.Reason[min(1, len(e.Reason)):] + ".\n"
}

// ErrLengthRequired is returned by a Backend that has to know the length of the body first, and does not.
var ErrLengthRequired error = lengthRequired{}

type lengthRequired struct{}

func (lengthRequired) Error() string { return "gateway: the length of the request body is unknown" }

func (lengthRequired) page() (status, text string) {
	return "411 Length Required", "The request body must have a Content-Length here.\n"
}

// Forward returns an App that answers with what b answers. Hop-by-hop fields of the response are dropped (RFC 3875 section
// 6.3.4), a Location without Status becomes a 302 (section 6.2.3), and a response of unknown length is flushed as it comes.
func Forward(b Backend) App {
	return AppFunc(func(w ResponseWriter, r *Request) error {
		resp, err := b.RoundTrip(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		for name, value := range resp.Headers.All() {
			if !util.IsHopByHop(name) {
				w.Headers().Add(name, value) // valid, since it comes out of a list
			}
		}
		if err := w.Start(forwardStatus(resp)); err != nil {
			return &BackendError{Status: 502, Reason: "the application sent a malformed status", Err: err}
		}
		return forwardBody(w, resp)
	})
}

func forwardStatus(resp *Response) string {
	if resp.Status == "" && resp.Headers.Has("Location") {
		return "302 Found"
	}
	return cmp.Or(resp.Status, "200 OK")
}

// forwardBody copies the body. Where its length is declared the client knows how much is to come, and buffering costs
// nobody anything; else each piece may be all there is for a while, and so may the head.
func forwardBody(w ResponseWriter, resp *Response) error {
	block := blocks.Get().(*[32 << 10]byte)
	defer blocks.Put(block)
	flush := !resp.Headers.Has("Content-Length")
	if b, ok := resp.Body.(interface{ Buffered() int }); flush && (!ok || b.Buffered() == 0) {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	for {
		n, readErr := resp.Body.Read(block[:])
		if _, err := w.Write(block[:n]); err != nil {
			return err
		}
		switch {
		case errors.Is(readErr, io.EOF):
			return nil
		case readErr != nil:
			return readErr
		}
		if flush && n > 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}
