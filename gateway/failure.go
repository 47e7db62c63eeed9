package gateway

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"unicode"

	"github.com/cgikit/cgikit/headers"
)

// panicError reports a panic of an App.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// Unwrap lets errors.Is find an error with which an App panicked, such as ErrAbort.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}

func panicked(value any, limit int) error {
	return &panicError{value: probePanic(value), stack: firstFrames(debug.Stack(), limit)}
}

// errGoexit reports an App that neither returned nor panicked.
var errGoexit = errors.New("gateway: the app ended its goroutine by runtime.Goexit")

// probeError returns err after it has called Error, Is and As. An error type whose methods panic,
// such as a nil pointer, panics here, so that the App is blamed and not a later caller.
func probeError(err error) error {
	_ = err.Error()
	_ = errors.Is(err, ErrAbort)
	_ = errors.As(err, new(publicError))
	return err
}

// probePanic returns the value of a panic, or its text if it is an error whose methods panic.
func probePanic(value any) (safe any) {
	err, ok := value.(error)
	if !ok {
		return value
	}
	defer func() {
		if recover() != nil {
			safe = fmt.Sprintf("%v", err) // Sprintf recovers from a panic of Error
		}
	}()
	return probeError(err)
}

// defaultTraceback is a number of frames that reaches from a function deep in the App to the
// transport.
const defaultTraceback = 32

// firstFrames returns the first frames, of two lines each, of a stack. It leaves out the line that
// names the goroutine and the frames of the recovery.
func firstFrames(stack []byte, limit int) []byte {
	if limit < 0 {
		return nil
	}
	if i := bytes.Index(stack, []byte("\npanic(")); i >= 0 {
		stack = stack[i+1:]
	}
	rest := stack
	for range 2 * cmp.Or(limit, defaultTraceback) {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return stack
		}
		rest = rest[i+1:]
	}
	return stack[:len(stack)-len(rest)]
}

// skipsLog reports whether err is not logged: the client or the web server went away, the peer
// stopped reading, or the App asked for the break. Logged are, among others, a Stdout that failed
// for another reason, such as a full disk, a connection of the App itself that was closed by its
// peer, and a client that did not send its complete body.
func (x *exchange) skipsLog(err error) bool {
	over := x.ctx.Err() != nil
	switch lost := x.response.lost; {
	case errors.Is(err, ErrAbort), errors.Is(err, ErrClientGone):
		return true
	case lost != nil:
		return errors.Is(err, lost) && (over || PeerGone(lost) || errors.Is(lost, os.ErrDeadlineExceeded))
	}
	return over && errors.Is(err, context.Canceled)
}

// fail logs why the response is not complete, and answers with an error page if the head is not
// committed.
func (x *exchange) fail(err error) error {
	err = Blame(&x.request, err)
	if !x.skipsLog(err) {
		x.logException(err)
	}
	if x.response.mustBreak(err) {
		return broken(&x.response, err)
	}
	return x.errorPage(err)
}

// mustBreak reports whether err breaks the exchange, rather than leading to an error page: the head
// was sent, the App asked for the break, or the client has left.
func (w *response) mustBreak(err error) bool {
	return w.committed || errors.Is(err, ErrAbort) || errors.Is(err, ErrClientGone)
}

// logException reports a failure once, by LogException or as text on Stderr. If LogException
// panics, the text also has the panic. A panic of Stderr is ignored.
func (x *exchange) logException(err error) {
	stack := failureOf(err).Stack
	hook := x.response.h.LogException
	if hook == nil {
		hook = logFailure
	}
	if v := catchPanic(func() { hook(&x.request, err, stack) }); v != nil && x.response.h.LogException != nil {
		catchPanic(func() { logFailure(&x.request, fmt.Errorf("%w; LogException: panic: %v", err, v), stack) })
	}
}

func failureOf(err error) *Failure {
	f := &Failure{Err: err}
	if p := (*panicError)(nil); errors.As(err, &p) {
		f.Stack = p.stack
	}
	return f
}

// catchPanic calls f and returns the value with which it panicked, nil if it did not.
func catchPanic(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// logFailure is the default of LogException.
func logFailure(r *Request, err error, stack []byte) { logText(r, err.Error(), stack) }

// logText writes the text in one call, so that the lines of concurrent requests do not mix.
func logText(r *Request, text string, stack []byte) {
	id := ""
	if r.id != "" {
		id = " request_id=" + r.id
	}
	fmt.Fprintf(cmp.Or[io.Writer](r.Stderr, os.Stderr), "%.16q %.256q%s: %.4096s\n%s",
		r.Environ.Get("REQUEST_METHOD"), r.Environ.Get("REQUEST_URI"), id, oneLine(text), stack)
}

// oneLine replaces control characters by spaces, so that text of a client cannot forge lines of the
// log.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// errorPage answers for an App that failed with cause before its head was committed. If ErrorOutput
// fails too, the built-in page is sent, since a response is never empty.
func (x *exchange) errorPage(cause error) error {
	r := x.request // a copy: a goroutine of the App may still read x.request
	r.failure = failureOf(cause)
	w, err := x.errorResponse(x.response.h.errorApp(cause), &r)
	if err != nil && !w.mustBreak(err) {
		x.logException(fmt.Errorf("gateway: error page: %w", err))
		w, err = x.errorResponse(pageApp(defaultErrorStatus, defaultErrorBody, nil), &x.request)
	}
	if err != nil {
		return broken(w, err)
	}
	return nil
}

// errorResponse runs app on a new response, whose status is 500 unless app sets another one.
func (x *exchange) errorResponse(app App, r *Request) (*response, error) {
	w := &response{status: defaultErrorStatus, id: x.request.id, own: x.response.own}
	w.prepare(x.response.h, x.request.Environ)
	err := x.call(app, w, r)
	return w, err
}

const (
	defaultErrorStatus = "500 Internal Server Error"
	defaultErrorBody   = "The server met an internal error and could not answer the request.\n"
)

// publicError is an error with a status and a text for the client: a refused request, or a failed
// backend.
type publicError interface{ publicPage() (status, text string) }

// ErrorPage returns the status and the text of the page that is sent if an App fails with err,
// unless a hook of [BaseCGIHandler] changes it. The status is that of an error of this package
// (400, 404, 408, 411, 413, 431, 502 to 504), and 500 for any other error. The page is text/plain.
// An access log takes its status from ErrorPage. For [ErrClientGone], as [Blame] returns it, the
// status is 499 and the text is empty; that page is never sent.
func ErrorPage(err error) (status, text string) {
	if p := publicError(nil); errors.As(err, &p) {
		return p.publicPage()
	}
	return defaultErrorStatus, defaultErrorBody
}

func (h *BaseCGIHandler) errorApp(cause error) App {
	if p := publicError(nil); errors.As(cause, &p) {
		status, text := p.publicPage()
		return pageApp(status, text, nil)
	}
	if h.ErrorOutput != nil {
		return h.ErrorOutput
	}
	return pageApp(cmp.Or(h.ErrorStatus, defaultErrorStatus), cmp.Or(h.ErrorBody, defaultErrorBody), h.ErrorHeaders)
}

// pageApp returns an App that always sends the same response.
func pageApp(status, text string, fields []headers.Field) App {
	if fields == nil {
		fields = []headers.Field{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}
	}
	return AppFunc(func(w ResponseWriter, r *Request) error {
		for _, f := range fields {
			if err := w.Headers().Add(f.Name, f.Value); err != nil {
				return err
			}
		}
		if err := w.Start(status); err != nil {
			return err
		}
		_, err := w.Write([]byte(text))
		return err
	})
}
