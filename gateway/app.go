package gateway

import (
	"errors"
	"io"

	"github.com/cgikit/cgikit/headers"
)

// App answers one request: what wsgiref calls app(environ, start_response).
//
// An App may be called by several goroutines at the same time when [Request.Multithread] is set. It
// owns w and r until it returns. After that w and Stdin fail, the Context has ended, and the rest
// has no effect; none of it is reused for another request.
//
// A returned error, like a panic, ends the exchange: with the error page while the head is not
// committed, and after that by breaking it, so that no truncated body passes for a whole one; see
// [ResponseWriter]. Returning or panicking with [ErrAbort] breaks it on purpose.
type App interface {
	ServeGateway(w ResponseWriter, r *Request) error
}

// AppFunc lets a function be an [App].
type AppFunc func(w ResponseWriter, r *Request) error

// ServeGateway calls f(w, r).
func (f AppFunc) ServeGateway(w ResponseWriter, r *Request) error { return f(w, r) }

// ResponseWriter takes one response: head first, then body. It must not be used by several
// goroutines at the same time. A call after the [App] has returned fails with [ErrFinished].
//
// The response obeys the same rules on every transport:
//
//   - The head is committed when more than 4 KiB of body wait, when a file is sent, at Flush, or
//     when the App returns. Until then status and fields may change, and a failure is answered with
//     the error page: 500, text/plain, no diagnostics.
//   - A body that ends before the head is committed gets its Content-Length. A Content-Length that
//     the App declares is enforced: bytes beyond it are not sent and give [ErrContentLength], and a
//     shorter body is a failure.
//   - The response to HEAD has no body, and keeps its Content-Length. 204, 205 and 304 have no
//     body, no Content-Type and no Content-Length.
//   - Control characters, names that are not valid tokens, a field Status, hop-by-hop fields and a
//     malformed status are refused: the response is the error page.
//   - An App that does nothing answers "200 OK" with Content-Length 0.
//   - A failure after the head was committed breaks the exchange so that the web server can notice;
//     nothing is appended to the body.
//   - Fields keep their order and their spelling. No Content-Type is invented.
//
// The writers of this module also implement [io.ReaderFrom] and [io.StringWriter]. By ReadFrom a
// file goes by sendfile(2) where the system can, also inside an [io.LimitedReader] or a
// [util.FileWrapper]. Neither is in the interface: a wrapper that embeds ResponseWriter would pass
// bodies around its own Write. A wrapper may have a method Unwrap() ResponseWriter.
type ResponseWriter interface {
	// Headers returns the fields to send, as they stand when the head is committed. Later changes
	// do nothing.
	Headers() *headers.Headers

	// Start sets the status: three digits, a space and a reason, which may be empty ("404 Not
	// Found"). It may be called again until the head is committed, and returns [ErrCommitted] after
	// that. A 1xx status cannot travel in CGI: it is ignored. For a malformed status it returns a
	// [*RuleError].
	Start(status string) error

	// Write sends body bytes. The first call without a Start means "200 OK". For HEAD, 204, 205 and
	// 304 the bytes are counted and dropped. Write does not keep p.
	io.Writer

	// Flush commits the head, also before the first byte, and pushes out all bytes that wait.
	Flush() error
}

// Errors that a caller may want to tell apart.
var (
	// ErrAbort, returned or panicked with by an App, breaks the exchange without an error page and
	// without a log line.
	ErrAbort = errors.New("gateway: response aborted by the app")

	// ErrBroken is wrapped by every error of [BaseCGIHandler.Run]: the response on Stdout is not
	// whole, and the transport has to make that visible to its peer.
	ErrBroken = errors.New("gateway: response is not whole")

	// ErrCommitted is returned by Start when the head has been sent.
	ErrCommitted = errors.New("gateway: head already sent")

	// ErrContentLength is returned by Write when the app sends more than its Content-Length, and is
	// the reason of a broken response when it sent less.
	ErrContentLength = errors.New("gateway: body does not match the declared Content-Length")

	// ErrFinished is returned by everything an App was handed once the App has returned.
	ErrFinished = errors.New("gateway: used after the app returned")

	// ErrServerClosed is returned by every server's Serve after Shutdown or Close.
	ErrServerClosed = errors.New("gateway: server closed")
)
