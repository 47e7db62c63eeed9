package gateway

import (
	"errors"
	"io"

	"github.com/cgikit/cgikit/headers"
)

// App answers one request: what wsgiref calls app(environ, start_response).
//
// An App may be called by several goroutines at the same time when [Request.Multithread] is set. It owns w and r until it
// returns, and no longer: after that w and Stdin fail, the Context has ended, what is left of the rest reaches nobody, and
// none of it is reused for another request.
//
// A returned error, like a panic, ends the exchange. While the head is not committed the client gets the error page; after
// that the exchange is broken in a way that the web server can notice, so that no truncated body passes for a whole one.
// Returning or panicking with [ErrAbort] breaks it on purpose.
type App interface {
	ServeGateway(w ResponseWriter, r *Request) error
}

// AppFunc lets a function be an [App].
type AppFunc func(w ResponseWriter, r *Request) error

// ServeGateway calls f(w, r).
func (f AppFunc) ServeGateway(w ResponseWriter, r *Request) error { return f(w, r) }

// ResponseWriter takes one response: head first, then body. It is not meant for concurrent use; a call that comes after the
// [App] returned fails with [ErrFinished].
//
// The writers of this module also implement [io.ReaderFrom] (a file goes by sendfile(2) where the system can, also inside an
// [io.LimitedReader] or a [util.FileWrapper]) and [io.StringWriter]. Neither is in the interface: a wrapper that embeds
// ResponseWriter would pass bodies around its own Write. A wrapper may have a method Unwrap() ResponseWriter.
type ResponseWriter interface {
	// Headers returns the fields to send. They are sent in order, as they stand when the head is committed; later changes
	// do nothing.
	Headers() *headers.Headers

	// Start sets the status: three digits, a space and a reason, which may be empty ("404 Not Found"). It may be called
	// again until the head is committed, and returns [ErrCommitted] after that. A 1xx status cannot travel in CGI: it is
	// ignored. A malformed status is refused and makes the response the error page.
	Start(status string) error

	// Write sends body bytes. The first call without a Start means "200 OK". The head is committed when more than 4 KiB of
	// body wait; a response that ends before that gets its Content-Length. Bytes beyond a declared Content-Length are not
	// sent and give [ErrContentLength]. For HEAD, 204 and 304 the bytes are counted and dropped. Write does not keep p.
	io.Writer

	// Flush commits the head, also before the first byte, and pushes out all bytes that wait.
	Flush() error
}

// Errors that a caller may want to tell apart.
var (
	// ErrAbort, returned or panicked with by an App, breaks the exchange without an error page and without a log line.
	ErrAbort = errors.New("gateway: response aborted by the app")

	// ErrBroken is wrapped by every error of [BaseCGIHandler.Run]: the response on Stdout is not whole, and the transport
	// has to make that visible to its peer.
	ErrBroken = errors.New("gateway: response is not whole")

	// ErrCommitted is returned by Start when the head has been sent.
	ErrCommitted = errors.New("gateway: head already sent")

	// ErrContentLength is returned by Write when the app sends more than its Content-Length, and is the reason of a broken
	// response when it sent less.
	ErrContentLength = errors.New("gateway: body does not match the declared Content-Length")

	// ErrFinished is returned by everything an App was handed once the App has returned.
	ErrFinished = errors.New("gateway: used after the app returned")

	// ErrServerClosed is returned by every server's Serve after Shutdown or Close.
	ErrServerClosed = errors.New("gateway: server closed")
)
