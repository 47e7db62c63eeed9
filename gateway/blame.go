package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode"
	"unicode/utf8"
)

// A failed exchange is the fault of the client, of the gateway or of the backend. The status tells
// which one:
//
//   - the client: 400, 408, 411, 413, 431, and 499 in an access log
//   - the gateway: 500 and 503
//   - the backend: 502, 503 and 504
//
// The errors of this package that implement publicError have such a status. Blame assigns one to
// other errors.

// ServerError is a failure of the gateway itself. Status and Reason are sent to the client.
type ServerError struct {
	Status int    // 500 Internal Server Error or 503 Service Unavailable; any other value means 500
	Reason string // for the client: what happened, without internal names
	Err    error  // the detail, for the log
}

// Error returns a text for a log.
func (e *ServerError) Error() string { return withDetail("gateway: "+e.Reason, e.Err) }

// Unwrap returns the detail.
func (e *ServerError) Unwrap() error { return e.Err }

func (e *ServerError) publicPage() (status, text string) {
	if e.Status == 503 {
		return "503 Service Unavailable", publicSentence(e.Reason, "Service Unavailable")
	}
	return defaultErrorStatus, publicSentence(e.Reason, "Internal Server Error")
}

// BodyError reports a request body that did not arrive completely: the client closed the
// connection, stopped sending, or sent malformed framing. The status is 408 if Err wraps
// os.ErrDeadlineExceeded, and 400 otherwise. If Err has a status itself, such as a
// [*BodyTooLargeError], that status is kept.
type BodyError struct {
	Err error // returned by [Request.Stdin]
}

// Error returns a text for a log.
func (e *BodyError) Error() string {
	return "gateway: the request body did not arrive: " + e.Err.Error()
}

// Unwrap returns the error of Stdin.
func (e *BodyError) Unwrap() error { return e.Err }

func (e *BodyError) publicPage() (status, text string) {
	switch p := publicError(nil); {
	case errors.As(e.Err, &p):
		return p.publicPage()
	case errors.Is(e.Err, os.ErrDeadlineExceeded):
		return "408 Request Timeout", "The request body did not arrive in time.\n"
	}
	return "400 Bad Request", "The request body did not arrive completely.\n"
}

// goneError reports a request whose client has gone away. Its status is only for the access log;
// nothing is sent. Backend promises a BackendError for a request that it gives up, so errors.As
// finds one here.
type goneError struct{ err error }

func (e *goneError) Error() string { return ErrClientGone.Error() + ", and the request was given up" }

func (e *goneError) Unwrap() []error {
	return []error{ErrClientGone, &BackendError{Status: 502, Reason: "the request was given up", Err: e.err}}
}

func (e *goneError) publicPage() (status, text string) { return "499 Client Closed Request", "" }

// ContextError returns the error of an exchange whose context ctx has ended, and nil while ctx has
// not ended. The error wraps ctx.Err() and the cause, and tells whose fault the end is:
//
//   - The client's, if the cause is [ErrClientGone] or no cause was given. net/http gives no cause
//     when it ends the context of a request whose client has left. The error wraps ErrClientGone.
//     Nothing is sent to the client; an access log shows 499, as that of nginx does.
//   - The backend's, at a deadline: a [*BackendError] of 504.
//   - The gateway's, for any other cause, such as [ErrServerClosed]: a [*ServerError] of 503.
func ContextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause != nil && !errors.Is(cause, err) {
		cause = fmt.Errorf("%w: %w", err, cause)
	}
	switch {
	case err == nil:
		return nil
	case clientGone(ctx):
		return &goneError{err}
	case errors.Is(err, context.DeadlineExceeded):
		return &BackendError{Status: 504, Reason: "the application did not answer in time", Err: cause}
	}
	return &ServerError{Status: 503, Reason: "the server has stopped working on the request", Err: cause}
}

// clientGone reports whether ctx has ended because its client has gone away.
func clientGone(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return cause == context.Canceled || errors.Is(cause, ErrClientGone)
}

// IsClientFault reports whether the status of [ErrorPage] is a 4xx. Servers log such errors at a
// lower level.
func IsClientFault(err error) bool {
	status, _ := ErrorPage(err)
	return status[0] == '4'
}

// Blame converts err, with which the answer to r failed, into an error whose [ErrorPage] status
// tells whose fault it is:
//
//   - An err that wraps the failure of r.Stdin becomes a [*BodyError].
//   - An err that wraps the end of r's context becomes the error of [ContextError], or a BodyError
//     if the client left before its complete body had arrived. A context.DeadlineExceeded is
//     returned unchanged: the App itself took too long.
//   - Any other err is returned unchanged.
//
// [BaseCGIHandler.Run] calls Blame for its App. An access log around an App must call Blame before
// ErrorPage.
//
// Blame calls two optional methods of r.Stdin. The Stdin of Run has them, and a wrapper should
// forward them. Failure() error returns the error of the first Read that failed. Interrupted(drain
// bool) error is called after the client has left. It waits for a pending Read, which is about to
// fail, reads the rest of the body if drain is set, and returns why the body is not complete.
func Blame(r *Request, err error) error {
	if err == nil {
		return nil
	}
	ctx, failure := r.Context(), stdinFailure(r.Stdin)
	isBody, failed, interrupted := errors.As(err, new(*BodyError)), isFailure(err, failure), isContextEnd(ctx, err)
	switch gone := clientGone(ctx); {
	case !gone && (interrupted || (isBody || failed) && ctx.Err() == context.Canceled):
		return ContextError(ctx)
	case isBody:
		return err
	case failed && !errors.As(err, new(publicError)):
		return &BodyError{err}
	case failed:
		return &BodyError{failure}
	case interrupted:
		return clientLeftError(r, ctx)
	}
	return err
}

// clientLeftError returns the error of a request whose client has left.
func clientLeftError(r *Request, ctx context.Context) error {
	if err := stdinInterrupted(r.Stdin, errors.Is(context.Cause(ctx), ErrClientGone)); err != nil {
		return &BodyError{err}
	}
	return ContextError(ctx)
}

// isFailure reports whether err wraps the failure of a body, and that failure is the client's
// fault. A failure with a status of its own, such as that of a temporary file, is not.
func isFailure(err, failure error) bool {
	p := publicError(nil)
	if failure == nil || !errors.Is(err, failure) {
		return false
	}
	if !errors.As(err, &p) {
		return true
	}
	_, isBackend := p.(*BackendError) // the backend failed because it could not read the body
	return isBackend
}

// isContextEnd reports whether ctx was canceled, rather than ended by its deadline, and err wraps
// that.
func isContextEnd(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.Canceled) &&
		(errors.Is(err, context.Canceled) || errors.Is(err, ErrClientGone) || errors.Is(err, context.Cause(ctx)))
}

// stdinFailure returns the error of the first failed Read of stdin, if stdin records it.
func stdinFailure(stdin io.Reader) error {
	if b, ok := unwrapLimited(stdin).(interface{ Failure() error }); ok {
		return b.Failure()
	}
	return nil
}

// stdinInterrupted returns why stdin, whose client has gone, is not complete, if stdin records it.
func stdinInterrupted(stdin io.Reader, drain bool) error {
	if b, ok := unwrapLimited(stdin).(interface{ Interrupted(drain bool) error }); ok {
		return b.Interrupted(drain)
	}
	return nil
}

// unwrapLimited returns the reader inside an io.LimitedReader, and any other reader unchanged.
func unwrapLimited(r io.Reader) io.Reader {
	if limited, ok := r.(*io.LimitedReader); ok {
		return limited.R
	}
	return r
}

// withDetail appends err, if it is not nil, to text.
func withDetail(text string, err error) string {
	if err == nil {
		return text
	}
	return text + ": " + err.Error()
}

// publicSentence turns reason, or otherwise if reason is empty, into a sentence for a client.
func publicSentence(reason, otherwise string) string {
	first, size := utf8.DecodeRuneInString(reason)
	if size == 0 {
		return otherwise + ".\n"
	}
	return string(unicode.ToUpper(first)) + reason[size:] + ".\n"
}
