package gateway

import (
	"errors"
	"io"

	"github.com/cgikit/cgikit/headers"
)

// App answers one request. Its counterpart in wsgiref is app(environ, start_response).
//
// An App may be called by several goroutines at the same time if [Request.Multithread] is set. It
// owns w and r until it returns. After that, calls of w and Stdin fail, the Context has ended, and
// changes of the other parts have no effect. None of these values is reused for another request.
//
// A returned error or a panic ends the exchange. Before the head is committed, the client gets the
// error page. After that, the exchange is broken, so that the peer does not take a truncated body
// for a complete one; see [ResponseWriter]. An App that returns [ErrAbort] or panics with it breaks
// the exchange on purpose.
type App interface {
	ServeGateway(w ResponseWriter, r *Request) error
}

// AppFunc is a function that implements [App].
type AppFunc func(w ResponseWriter, r *Request) error

// ServeGateway calls f(w, r).
func (f AppFunc) ServeGateway(w ResponseWriter, r *Request) error { return f(w, r) }

// ResponseWriter writes one response: the head, then the body. It must not be used by several
// goroutines at the same time. A call after the [App] has returned fails with [ErrFinished].
//
// These rules hold on every transport:
//
//   - The head is committed when more than 4 KiB of body are buffered, when a file is sent, at
//     Flush, or when the App returns. Until then status and fields may change, and a failure is
//     answered with the error page: 500, text/plain, no diagnostics.
//   - If the body ends before the head is committed, Content-Length is added. A Content-Length that
//     the App declares is enforced: bytes beyond it are not sent and Write returns
//     [ErrContentLength]; a shorter body is a failure.
//   - The response to HEAD has no body, and keeps its Content-Length. 204, 205 and 304 have no
//     body, no Content-Type and no Content-Length.
//   - Control characters, names that are not valid tokens, a field Status, hop-by-hop fields and a
//     malformed status are refused: the response is the error page.
//   - If the App neither starts nor writes a response, the response is "200 OK" with Content-Length
//     0.
//   - A failure after the head was committed breaks the exchange so that the web server can notice;
//     nothing is appended to the body.
//   - Fields keep their order and their spelling. No Content-Type is invented.
//
// The writers of this module also implement [io.ReaderFrom] and [io.StringWriter]. ReadFrom sends a
// file by sendfile(2) where the system supports it, also a file inside an [io.LimitedReader] or a
// [util.FileWrapper]. The interface contains neither method, because a wrapper that embeds
// ResponseWriter would then inherit them, and they would bypass its own Write. A wrapper may have a
// method Unwrap() ResponseWriter.
type ResponseWriter interface {
	// Headers returns the fields of the response. They are sent as they are when the head is
	// committed; later changes have no effect.
	Headers() *headers.Headers

	// Start sets the status: three digits, a space and a reason, which may be empty ("404 Not
	// Found"). It may be called again until the head is committed, and returns [ErrCommitted] after
	// that. A 1xx status is ignored, because CGI cannot carry it. For a malformed status Start
	// returns a [*RuleError].
	Start(status string) error

	// Write sends body bytes. Without an earlier Start, the first call sets the status to "200 OK".
	// For HEAD, 204, 205 and 304 the bytes are counted and dropped. Write does not keep p.
	io.Writer

	// Flush commits the head, even before the first byte of the body, and sends all buffered bytes.
	Flush() error
}

// Errors that a caller may want to distinguish.
var (
	// ErrAbort breaks the exchange without an error page and without a log line, if an App returns
	// it or panics with it.
	ErrAbort = errors.New("gateway: response aborted by the app")

	// ErrBroken is wrapped by every error of [BaseCGIHandler.Run]. It means that the response on
	// Stdout is not complete, and that the transport must make that visible to its peer.
	ErrBroken = errors.New("gateway: response is not complete")

	// ErrCommitted is returned by Start when the head has been sent.
	ErrCommitted = errors.New("gateway: head already sent")

	// ErrContentLength is returned by Write if the App sends more than its Content-Length. If it
	// sends less, ErrContentLength is the cause of the broken response.
	ErrContentLength = errors.New("gateway: body does not match the declared Content-Length")

	// ErrFinished is returned by the ResponseWriter and the Stdin of an App after the App has
	// returned.
	ErrFinished = errors.New("gateway: used after the app returned")

	// ErrServerClosed is returned by every server's Serve after Shutdown or Close.
	ErrServerClosed = errors.New("gateway: server closed")
)
