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

// panicError is a panic of an App.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// Unwrap lets an App panic with an error that means something: ErrAbort, or whatever errors.Is can
// find.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}

func panicked(value any, limit int) error {
	return &panicError{value: soundValue(value), stack: bounded(debug.Stack(), limit)}
}

// errGoexit stands for an App that neither returned nor panicked.
var errGoexit = errors.New("gateway: the app ended its goroutine by runtime.Goexit")

// sound returns err, having called the methods that it will be asked by: where one panics, as that
// of a nil pointer does, the App is to blame, and nobody who handles the error later.
func sound(err error) error {
	_ = err.Error()
	_ = errors.Is(err, ErrAbort)
	_ = errors.As(err, new(paged))
	return err
}

// soundValue returns the value of a panic, or its text where it is an error that is not sound.
func soundValue(value any) (safe any) {
	err, ok := value.(error)
	if !ok {
		return value
	}
	defer func() {
		if recover() != nil {
			safe = fmt.Sprintf("%v", err) // which survives a panic of Error
		}
	}()
	return sound(err)
}

// defaultTraceback is enough frames to reach from a helper of the App to the transport.
const defaultTraceback = 32

// bounded cuts a stack to its first frames, of two lines each, below the line that names the
// goroutine and the frames of the recovery itself.
func bounded(stack []byte, limit int) []byte {
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

// silent reports whether err is worth no line: the client or the web server went away, the peer
// stopped taking bytes, or the App asked for the break. A Stdout that fails for another reason,
// such as a full disk, is worth one; so is a peer of the App's own that went away, and a client
// that did not send all of its body.
func (x *exchange) silent(err error) bool {
	over := x.ctx.Err() != nil
	switch lost := x.response.lost; {
	case errors.Is(err, ErrAbort), errors.Is(err, ErrClientGone):
		return true
	case lost != nil:
		return errors.Is(err, lost) && (over || PeerGone(lost) || errors.Is(lost, os.ErrDeadlineExceeded))
	}
	return over && errors.Is(err, context.Canceled)
}

// fail reports why there is no whole response, and answers with an error page while it can.
func (x *exchange) fail(err error) error {
	err = Blame(&x.request, err)
	if !x.silent(err) {
		x.logException(err)
	}
	if x.response.decided(err) {
		return broken(&x.response, err)
	}
	return x.errorPage(err)
}

// decided reports whether err breaks the exchange: the head was sent, the App wants nothing sent,
// or its client has left.
func (w *response) decided(err error) bool {
	return w.committed || errors.Is(err, ErrAbort) || errors.Is(err, ErrClientGone)
}

// logException reports a failure once, as LogException says or as text on Stderr. A LogException
// that panics is reported with it; a Stderr that does is beyond help.
func (x *exchange) logException(err error) {
	stack := failureOf(err).Stack
	hook := x.response.h.LogException
	if hook == nil {
		hook = logFailure
	}
	if v := attempt(func() { hook(&x.request, err, stack) }); v != nil && x.response.h.LogException != nil {
		attempt(func() { logFailure(&x.request, fmt.Errorf("%w; LogException: panic: %v", err, v), stack) })
	}
}

func failureOf(err error) *Failure {
	f := &Failure{Err: err}
	if p := (*panicError)(nil); errors.As(err, &p) {
		f.Stack = p.stack
	}
	return f
}

// attempt calls f and returns the value that it panicked with.
func attempt(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// logFailure is the LogException of a handler that has none.
func logFailure(r *Request, err error, stack []byte) { logText(r, err.Error(), stack) }

// logText makes one write, so that the lines of concurrent requests do not mix.
func logText(r *Request, text string, stack []byte) {
	fmt.Fprintf(cmp.Or[io.Writer](r.Stderr, os.Stderr), "%.16q %.256q: %.4096s\n%s",
		r.Environ.Get("REQUEST_METHOD"), r.Environ.Get("REQUEST_URI"), oneLine(text), stack)
}

// oneLine keeps what a client put into an error from forging lines of the log.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// errorPage answers in place of an App that failed with cause while its head was not committed. An
// ErrorOutput that fails too is replaced by the built-in page: a response is never empty.
func (x *exchange) errorPage(cause error) error {
	r := x.request // of its own: an App's goroutine may still look at the other
	r.failure = failureOf(cause)
	w, err := x.errorResponse(x.response.h.errorApp(cause), &r)
	if err != nil && !w.decided(err) {
		x.logException(fmt.Errorf("gateway: error page: %w", err))
		w, err = x.errorResponse(page(defaultErrorStatus, defaultErrorBody, nil), &x.request)
	}
	if err != nil {
		return broken(w, err)
	}
	return nil
}

// errorResponse runs app on a fresh response, whose status is an error's until app says otherwise.
func (x *exchange) errorResponse(app App, r *Request) (*response, error) {
	w := &response{status: defaultErrorStatus}
	w.prepare(x.response.h, x.request.Environ)
	err := x.call(app, w, r)
	return w, err
}

const (
	defaultErrorStatus = "500 Internal Server Error"
	defaultErrorBody   = "The server met an internal error and could not answer the request.\n"
)

// paged is an error that has a page of its own: a refused request, or a backend that failed.
type paged interface{ page() (status, text string) }

// ErrorPage returns the status and the text of the page that answers an App which failed with err,
// unless a hook of [BaseCGIHandler] changes it: 500, or what an error of this package stands for
// (400, 404, 408, 411, 413, 502 to 504). The page is text/plain. An access log has its status from
// here; that of [ErrClientGone], as [Blame] returns it, is 499 with no text, and is never sent.
func ErrorPage(err error) (status, text string) {
	if p := paged(nil); errors.As(err, &p) {
		return p.page()
	}
	return defaultErrorStatus, defaultErrorBody
}

func (h *BaseCGIHandler) errorApp(cause error) App {
	if p := paged(nil); errors.As(cause, &p) {
		status, text := p.page()
		return page(status, text, nil)
	}
	if h.ErrorOutput != nil {
		return h.ErrorOutput
	}
	return page(cmp.Or(h.ErrorStatus, defaultErrorStatus), cmp.Or(h.ErrorBody, defaultErrorBody), h.ErrorHeaders)
}

// page is an App that always gives the same answer.
func page(status, text string, fields []headers.Field) App {
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
