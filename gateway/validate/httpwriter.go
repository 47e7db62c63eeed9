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

// httpWriter is the http.ResponseWriter of a handler. It checks the fields in WriteHeader, since
// net/http fixes them there.
type httpWriter struct {
	mu  sync.Mutex
	out http.ResponseWriter
	response
	headSent bool // a status was passed to out
	hijacked bool // the handler has the connection; nothing is checked
}

// lockForCall locks w, which the caller must unlock, and returns an error if the call must fail.
func (w *httpWriter) lockForCall(call string) error {
	if !w.mu.TryLock() {
		w.x.violated(responseConcurrent, call)
		w.mu.Lock()
	}
	if w.x.ended.Load() {
		w.x.violated(responseAfterReturn, call)
		return gateway.ErrFinished
	}
	return w.x.fatalViolation()
}

// Header does not lock, since without the checks the map is not locked either.
func (w *httpWriter) Header() http.Header {
	if w.x.ended.Load() {
		w.x.violated(responseAfterReturn, "Header")
	}
	return w.out.Header()
}

func (w *httpWriter) WriteHeader(code int) {
	err := w.lockForCall("WriteHeader")
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
		w.commitHead(code)
		return
	}
	if err == nil {
		w.out.WriteHeader(code)
	}
}

// commitHead checks status and fields, and passes the status to out unless they fail the request.
func (w *httpWriter) commitHead(code int) {
	w.checkHead(code)
	if w.x.fatalViolation() == nil {
		w.headSent = true
		w.out.WriteHeader(code)
	}
}

func (w *httpWriter) checkHead(code int) {
	w.code = code
	_ = w.checkCode(code) // the caller asks for a failure when all was checked
	w.fields.length = unknownLength
	for name, values := range w.out.Header() {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			continue // a trailer follows the body, or is dropped
		}
		for _, value := range values {
			w.x.checkField(&w.fields, name, value)
		}
	}
	w.checkFields()
}

// beginWrite locks w, which the caller must unlock, and checks n bytes before they are written.
func (w *httpWriter) beginWrite(n int) error {
	if err := w.lockForCall("Write"); err != nil || w.hijacked {
		return err
	}
	if w.code == 0 {
		w.commitHead(http.StatusOK)
	}
	w.check(int64(n))
	return w.x.fatalViolation()
}

func (w *httpWriter) check(n int64) {
	w.checkBody(n, w.fields.length)
	if n > 0 {
		w.checkContent()
	}
}

func (w *httpWriter) Write(p []byte) (int, error) {
	err := w.beginWrite(len(p))
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := w.out.Write(p)
	return w.countWritten(len(p), n, err)
}

// WriteString implements io.StringWriter.
func (w *httpWriter) WriteString(s string) (int, error) {
	err := w.beginWrite(len(s))
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := io.WriteString(w.out, s)
	return w.countWritten(len(s), n, err)
}

// countWritten checks and counts n, the result of a Write of size bytes. It returns the violation,
// if there is one, since err of net/http then has the same reason.
func (w *httpWriter) countWritten(size, n int, err error) (int, error) {
	w.x.checkCount(writerCount, size, n, err)
	w.written += int64(max(n, 0))
	if failure := w.x.fatalViolation(); failure != nil {
		return n, failure
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom. It passes src on, so that net/http can send a file by
// sendfile(2). It checks the number of bytes afterwards, because net/http does not limit a file to
// its Content-Length.
func (w *httpWriter) ReadFrom(src io.Reader) (int64, error) {
	err := w.beginWrite(0)
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
	if failure := w.x.fatalViolation(); failure != nil {
		return n, failure
	}
	return n, err
}

// Flush implements http.Flusher.
func (w *httpWriter) Flush() { _ = w.FlushError() }

// FlushError implements Flush for http.ResponseController.
func (w *httpWriter) FlushError() error {
	err := w.beginWrite(0)
	defer w.mu.Unlock()
	if err != nil {
		return err
	}
	return http.NewResponseController(w.out).Flush()
}

// Hijack implements http.Hijacker. After it the response is not checked.
func (w *httpWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	err := w.lockForCall("Hijack")
	defer w.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	conn, buffered, err := http.NewResponseController(w.out).Hijack()
	w.hijacked = err == nil
	return conn, buffered, err
}

// Unwrap gives http.ResponseController access to deadlines and full duplex.
func (w *httpWriter) Unwrap() http.ResponseWriter { return w.out }

// finish checks the response of a handler that has returned. After a failure it answers 500 or
// breaks the response.
func (w *httpWriter) finish() {
	if !w.mu.TryLock() {
		w.x.violated(responseAfterReturn, "a call is under way")
		w.mu.Lock()
	}
	defer w.mu.Unlock()
	if w.hijacked {
		return
	}
	if w.x.fatalViolation() == nil {
		w.checkComplete()
	}
	switch {
	case w.x.fatalViolation() == nil:
	case w.headSent:
		panic(http.ErrAbortHandler)
	default:
		refuse(w.out)
	}
}

func (w *httpWriter) checkComplete() {
	if w.code == 0 {
		w.checkHead(http.StatusOK)
	}
	w.checkEnd()
}
