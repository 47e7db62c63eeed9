package validate

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/cgikit/cgikit/gateway"
)

// httpWriter is the http.ResponseWriter that a handler gets. In net/http WriteHeader settles the
// fields, so they are checked there.
type httpWriter struct {
	mu  sync.Mutex
	out http.ResponseWriter
	response
	passed   bool // a status has been handed on
	hijacked bool // the connection is the handler's, and so are the rules
}

// begin locks w, which the caller unlocks, and returns why the call may not go on.
func (w *httpWriter) begin(call string) error {
	if !w.mu.TryLock() {
		w.x.violated(responseConcurrent, call)
		w.mu.Lock()
	}
	if w.x.ended.Load() {
		w.x.violated(responseAfterReturn, call)
		return gateway.ErrFinished
	}
	return w.x.failed()
}

// Header does not lock: the map is as safe as without us.
func (w *httpWriter) Header() http.Header {
	if w.x.ended.Load() {
		w.x.violated(responseAfterReturn, "Header")
	}
	return w.out.Header()
}

func (w *httpWriter) WriteHeader(code int) {
	err := w.begin("WriteHeader")
	defer w.mu.Unlock()
	if err != nil {
		return
	}
	switch {
	case w.hijacked:
	case code < 100 || code > 999:
		err = w.x.violated(responseStatus, strconv.Itoa(code))
	case code < 200:
		err = w.checkCode(code)
	case w.code != 0:
		err = w.x.violated(responseStartAfterHead, strconv.Itoa(code))
	default:
		w.start(code)
		return
	}
	if err == nil {
		w.out.WriteHeader(code)
	}
}

// start settles status and fields, and hands the status on unless they fail the request.
func (w *httpWriter) start(code int) {
	w.settle(code)
	if w.x.failed() == nil {
		w.passed = true
		w.out.WriteHeader(code)
	}
}

func (w *httpWriter) settle(code int) {
	w.code = code
	_ = w.checkCode(code) // what fails is asked for when all has been checked
	w.fields.length = unknownLength
	for name, values := range w.out.Header() {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			continue // comes behind the body, and is dropped where that cannot be
		}
		for _, value := range values {
			w.x.checkField(&w.fields, name, value)
		}
	}
	w.checkFields()
}

// admit locks w and checks n bytes before they are written.
func (w *httpWriter) admit(n int) error {
	if err := w.begin("Write"); err != nil || w.hijacked {
		return err
	}
	if w.code == 0 {
		w.start(http.StatusOK)
	}
	w.check(int64(n))
	return w.x.failed()
}

func (w *httpWriter) check(n int64) {
	w.checkBody(n, w.fields.length)
	if n > 0 {
		w.checkContent()
	}
}

func (w *httpWriter) Write(p []byte) (int, error) {
	err := w.admit(len(p))
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := w.out.Write(p)
	return w.took(len(p), n, err)
}

// WriteString implements io.StringWriter.
func (w *httpWriter) WriteString(s string) (int, error) {
	err := w.admit(len(s))
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := io.WriteString(w.out, s)
	return w.took(len(s), n, err)
}

// took counts what a Write of size bytes returned. net/http refuses what a violation has been
// reported for already.
func (w *httpWriter) took(size, n int, err error) (int, error) {
	w.x.checkCount(writerCount, size, n, err)
	w.written += int64(max(n, 0))
	if failure := w.x.failed(); failure != nil {
		return n, failure
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom, and hands on what it gets: net/http knows files by itself. How
// many bytes there were is checked afterwards; net/http does not hold a file to the Content-Length.
func (w *httpWriter) ReadFrom(src io.Reader) (int64, error) {
	err := w.admit(0)
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w.out, src)
	w.check(n)
	w.written += n
	if errors.Is(err, http.ErrContentLength) {
		w.x.violated(responseLengthMismatch, "more than the declared "+strconv.FormatInt(w.fields.length, 10))
	}
	if failure := w.x.failed(); failure != nil {
		return n, failure
	}
	return n, err
}

// Flush implements http.Flusher.
func (w *httpWriter) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *httpWriter) FlushError() error {
	err := w.admit(0)
	defer w.mu.Unlock()
	if err != nil {
		return err
	}
	return http.NewResponseController(w.out).Flush()
}

// Hijack implements http.Hijacker. Nothing of the response is checked after it.
func (w *httpWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	err := w.begin("Hijack")
	defer w.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	conn, buffered, err := http.NewResponseController(w.out).Hijack()
	w.hijacked = err == nil
	return conn, buffered, err
}

// Unwrap is for http.ResponseController's deadlines and full duplex.
func (w *httpWriter) Unwrap() http.ResponseWriter { return w.out }

// finish checks the response of a handler that has returned, and makes a failure seen.
func (w *httpWriter) finish() {
	if !w.mu.TryLock() {
		w.x.violated(responseAfterReturn, "a call is under way")
		w.mu.Lock()
	}
	defer w.mu.Unlock()
	if w.hijacked {
		return
	}
	if w.x.failed() == nil {
		w.complete()
	}
	switch {
	case w.x.failed() == nil:
	case w.passed:
		panic(http.ErrAbortHandler)
	default:
		refuse(w.out)
	}
}

func (w *httpWriter) complete() {
	if w.code == 0 {
		w.settle(http.StatusOK)
	}
	w.checkEnd()
}
