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

// The client, the gateway or the backend may be to blame for an exchange that failed, and the
// status tells which one:
//
//   - the client: 400, 408, 411, 413, 431, and 499 in an access log
//   - the gateway: 500 and 503
//   - the backend: 502, 503 and 504
//
// The errors with a page in this package have such a status. Blame finds one for other errors.

// ServerError is a failure of the gateway itself, in the words that its client may be told.
type ServerError struct {
	Status int    // 500 Internal Server Error or 503 Service Unavailable; others are taken for 500
	Reason string // fit for the public: says what happened, not where
	Err    error  // the detail, for the log
}

// Error tells it for a log.
func (e *ServerError) Error() string { return detailed("gateway: "+e.Reason, e.Err) }

// Unwrap returns the detail.
func (e *ServerError) Unwrap() error { return e.Err }

func (e *ServerError) page() (status, text string) {
	if e.Status == 503 {
		return "503 Service Unavailable", sentence(e.Reason, "Service Unavailable")
	}
	return defaultErrorStatus, sentence(e.Reason, "Internal Server Error")
}

// BodyError is a request body that did not arrive whole: its client broke off, fell silent, or sent
// what is not a body. The client is told 408 where Err wraps os.ErrDeadlineExceeded, and otherwise
// 400. An Err that has a page of its own, such as a [*BodyTooLargeError], keeps that.
type BodyError struct {
	Err error // of [Request.Stdin]
}

// Error tells it for a log.
func (e *BodyError) Error() string {
	return "gateway: the request body did not arrive: " + e.Err.Error()
}

// Unwrap returns the error of Stdin.
func (e *BodyError) Unwrap() error { return e.Err }

func (e *BodyError) page() (status, text string) {
	switch p := paged(nil); {
	case errors.As(e.Err, &p):
		return p.page()
	case errors.Is(e.Err, os.ErrDeadlineExceeded):
		return "408 Request Timeout", "The request body did not arrive in time.\n"
	}
	return "400 Bad Request", "The request body did not arrive whole.\n"
}

// goneError is a request whose client has gone away. It has a status for the access log; nothing is
// sent. A Backend that gives the request up has promised a BackendError, and errors.As finds one.
type goneError struct{ err error }

func (e *goneError) Error() string { return ErrClientGone.Error() + ", and the request was given up" }

func (e *goneError) Unwrap() []error {
	return []error{ErrClientGone, &BackendError{Status: 502, Reason: "the request was given up", Err: e.err}}
}

func (e *goneError) page() (status, text string) { return "499 Client Closed Request", "" }

// ContextError returns what an exchange under ctx fails with once ctx has ended, and nil before.
// The error wraps ctx.Err() and the cause, and says who is to blame:
//
//   - The client, where the cause is [ErrClientGone] or none was given, as when net/http ends the
//     context of a request whose client has left: the error wraps ErrClientGone. The client is sent
//     nothing; an access log has 499, as that of nginx.
//   - The backend, at a deadline: a [*BackendError] of 504.
//   - The gateway, for any other cause, such as [ErrServerClosed]: a [*ServerError] of 503.
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

// IsClientFault reports whether the status of [ErrorPage] is a 4xx. Logs have such errors at a
// lower level.
func IsClientFault(err error) bool {
	status, _ := ErrorPage(err)
	return status[0] == '4'
}

// Blame returns err, with which an answer to r failed, as an error whose [ErrorPage] has the status
// of the one to blame:
//
//   - An err that wraps the failure of r.Stdin becomes a [*BodyError].
//   - An err that wraps the end of r's context becomes [ContextError], or a BodyError where the
//     client left before its whole body had arrived. A context.DeadlineExceeded stays: an App that
//     is out of time has failed by itself.
//   - Any other err stays.
//
// Run calls it for its App. An access log around an App must call it before ErrorPage.
//
// It asks r.Stdin by two methods. That of Run has them, and a wrapper should pass them on.
// Failure() error returns the error of the first Read that failed. Interrupted(drain bool) error is
// called after the client has left: it waits for a Read under way, which is about to fail, reads
// the rest if drain is set, and returns why the body is not whole.
func Blame(r *Request, err error) error {
	if err == nil {
		return nil
	}
	ctx, failure := r.Context(), stdinFailure(r.Stdin)
	isBody, failed, interrupted := errors.As(err, new(*BodyError)), isFailure(err, failure), isEndOf(ctx, err)
	switch gone := clientGone(ctx); {
	case !gone && (interrupted || (isBody || failed) && ctx.Err() == context.Canceled):
		return ContextError(ctx)
	case isBody:
		return err
	case failed && !errors.As(err, new(paged)):
		return &BodyError{err}
	case failed:
		return &BodyError{failure}
	case interrupted:
		return leaving(r, ctx)
	}
	return err
}

// leaving is the error for a request whose client has left.
func leaving(r *Request, ctx context.Context) error {
	if err := stdinInterrupted(r.Stdin, errors.Is(context.Cause(ctx), ErrClientGone)); err != nil {
		return &BodyError{err}
	}
	return ContextError(ctx)
}

// isFailure reports whether err wraps the failure of a body, and the client is to blame for that.
// Another failure, such as that of a temporary file, has a page of its own.
func isFailure(err, failure error) bool {
	p := paged(nil)
	if failure == nil || !errors.Is(err, failure) {
		return false
	}
	if !errors.As(err, &p) {
		return true
	}
	_, isBackend := p.(*BackendError) // the backend met the failure while it sent the body
	return isBackend
}

// isEndOf reports whether ctx has ended, other than at its deadline, and err wraps that.
func isEndOf(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.Canceled) &&
		(errors.Is(err, context.Canceled) || errors.Is(err, ErrClientGone) || errors.Is(err, context.Cause(ctx)))
}

// stdinFailure asks a Stdin for its first failure.
func stdinFailure(stdin io.Reader) error {
	if b, ok := unbounded(stdin).(interface{ Failure() error }); ok {
		return b.Failure()
	}
	return nil
}

// stdinInterrupted asks a Stdin whose client has gone why it did not come to its end.
func stdinInterrupted(stdin io.Reader, drain bool) error {
	if b, ok := unbounded(stdin).(interface{ Interrupted(drain bool) error }); ok {
		return b.Interrupted(drain)
	}
	return nil
}

// unbounded returns what an io.LimitedReader bounds.
func unbounded(r io.Reader) io.Reader {
	if limited, ok := r.(*io.LimitedReader); ok {
		return limited.R
	}
	return r
}

// detailed adds a detail, where there is one, to a text for a log.
func detailed(text string, err error) string {
	if err == nil {
		return text
	}
	return text + ": " + err.Error()
}

// sentence makes a text for a client of a reason.
func sentence(reason, otherwise string) string {
	first, size := utf8.DecodeRuneInString(reason)
	if size == 0 {
		return otherwise + ".\n"
	}
	return string(unicode.ToUpper(first)) + reason[size:] + ".\n"
}
