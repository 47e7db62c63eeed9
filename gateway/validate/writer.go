package validate

import (
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// headBuffer is how many bytes of body are buffered before the head is committed, as
// gateway.ResponseWriter documents. Until then fields may change, and are not checked.
const headBuffer = 4 << 10

// writer is the ResponseWriter of the App. Its lock detects two goroutines that use it at the same
// time, and serialises their calls if that does not fail the request.
type writer struct {
	mu  sync.Mutex
	out gateway.ResponseWriter
	response
	committedHead string // the head that was committed before the App returned
}

// lockForCall locks w, which the caller must unlock, and returns an error if the call must fail.
func (w *writer) lockForCall(call string) error {
	if !w.mu.TryLock() {
		w.x.violated(responseConcurrent, call)
		w.mu.Lock()
	}
	w.reportLate(call)
	return w.x.fatalViolation()
}

// reportLate reports a call after the App has returned, and whether it is one. Such a call is
// passed on nevertheless, since the gateway returns an error for it.
func (w *writer) reportLate(call string) bool {
	if !w.x.ended.Load() {
		return false
	}
	w.x.violated(responseAfterReturn, call)
	return true
}

// Headers does not lock, since without the checks the list is not locked either.
func (w *writer) Headers() *headers.Headers {
	w.reportLate("Headers")
	return w.out.Headers()
}

func (w *writer) Start(status string) error {
	err := w.lockForCall("Start")
	defer w.mu.Unlock()
	if err != nil {
		return err
	}
	code, ok := parseStatus(status)
	if !ok {
		err = w.x.violated(responseStatus, status)
	} else {
		err = w.checkCode(code)
	}
	if err != nil {
		return err
	}
	err = w.out.Start(status)
	switch {
	case errors.Is(err, gateway.ErrCommitted):
		if failure := w.x.violated(responseStartAfterHead, status); failure != nil {
			return failure
		}
	case err == nil && code >= 200:
		w.code = code
	}
	return err
}

// parseStatus parses a status (RFC 9112 section 4, RFC 3875 section 6.3.3).
func parseStatus(s string) (code int, ok bool) {
	if len(s) < 4 || s[0] == '0' || !isDigits(s[:3]) || s[3] != ' ' || !isText(s) {
		return 0, false
	}
	code, err := strconv.Atoi(s[:3])
	return code, err == nil
}

func (w *writer) Write(p []byte) (int, error) {
	err := w.beginWrite(len(p))
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := w.out.Write(p)
	return w.countWritten(len(p), n, err)
}

// WriteString implements io.StringWriter.
func (w *writer) WriteString(s string) (int, error) {
	out, ok := w.out.(io.StringWriter)
	if !ok {
		return w.Write([]byte(s))
	}
	err := w.beginWrite(len(s))
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := out.WriteString(s)
	return w.countWritten(len(s), n, err)
}

// beginWrite locks w, which the caller must unlock, and checks n bytes before they are written.
func (w *writer) beginWrite(n int) error {
	if err := w.lockForCall("Write"); err != nil || w.x.ended.Load() {
		return err
	}
	w.checkStarted()
	w.checkBody(int64(n), w.declared())
	if w.headChecked || w.written+int64(n) > headBuffer {
		w.checkCommit(int64(n))
	}
	return w.x.fatalViolation()
}

// checkStarted reports body bytes or a Flush before Start. The status is then 200.
func (w *writer) checkStarted() {
	if w.code == 0 {
		w.x.violated(responseStartMissing, "")
		w.code = 200
	}
}

// declared returns the Content-Length that holds for the next byte.
func (w *writer) declared() int64 {
	if w.headChecked {
		return w.fields.length
	}
	n, ok := parseLength(w.out.Headers().Get("Content-Length"))
	if !ok {
		return unknownLength
	}
	return n
}

// checkCommit checks the head just before it is sent. n is the number of body bytes that follow
// those written.
func (w *writer) checkCommit(n int64) {
	if !w.headChecked {
		w.checkHead()
		w.committedHead = w.out.Headers().String()
	}
	if w.written+n > 0 {
		w.checkContent()
	}
}

// checkHead checks the fields in the list, and reports a field that the list has refused.
func (w *writer) checkHead() {
	fields := w.out.Headers()
	w.fields.length = unknownLength
	if err := fields.Err(); err != nil {
		w.x.violated(responseField, err.Error())
	}
	for name, value := range fields.All() {
		w.x.checkField(&w.fields, name, value)
	}
	w.checkFields()
}

// countWritten checks and counts n, the result of a Write of size bytes.
func (w *writer) countWritten(size, n int, err error) (int, error) {
	if w.x.ended.Load() {
		return n, err
	}
	w.x.checkCount(writerCount, size, n, err)
	w.written += int64(max(n, 0))
	if failure := w.x.fatalViolation(); failure != nil {
		return n, failure
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom. It passes a file to the gateway unchanged, so that sendfile(2)
// can send it.
func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	out, ok := w.out.(io.ReaderFrom)
	if !ok || !isFile(src) {
		return w.copyFrom(src)
	}
	err := w.beginWrite(0)
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if !w.x.ended.Load() {
		w.checkCommit(0)
	}
	if err := w.x.fatalViolation(); err != nil {
		return 0, err
	}
	n, err := out.ReadFrom(src)
	return n, w.checkFileSent(n, err)
}

// copyFrom sends a source that is not a file by Write, as the gateway does. It writes at least
// once, since an empty source starts a response too.
func (w *writer) copyFrom(src io.Reader) (int64, error) {
	if _, err := w.Write(nil); err != nil {
		return 0, err
	}
	return io.Copy(writerOnly{w}, src)
}

// writerOnly hides ReadFrom from io.Copy.
type writerOnly struct{ io.Writer }

// isFile reports whether the gateway may send src as a file. It does not check that the file is
// regular.
func isFile(src io.Reader) bool {
	if limited, ok := src.(*io.LimitedReader); ok {
		src = limited.R
	}
	if wrapper, ok := src.(*util.FileWrapper); ok {
		src = wrapper.Unwrap()
	}
	_, ok := src.(gateway.File)
	return ok
}

// checkFileSent checks n bytes of a file after they were sent, because n is not known earlier.
func (w *writer) checkFileSent(n int64, err error) error {
	if w.x.ended.Load() {
		return err
	}
	w.checkBody(n, unknownLength)
	w.written += n
	if n > 0 {
		w.checkContent()
	}
	if errors.Is(err, gateway.ErrContentLength) {
		w.x.violated(responseLengthMismatch, "more than the declared "+strconv.FormatInt(w.fields.length, 10))
	}
	if failure := w.x.fatalViolation(); failure != nil {
		return failure
	}
	return err
}

func (w *writer) Flush() error {
	err := w.lockForCall("Flush")
	defer w.mu.Unlock()
	if err != nil {
		return err
	}
	if !w.x.ended.Load() {
		w.checkStarted()
		w.checkCommit(0)
	}
	if err := w.x.fatalViolation(); err != nil {
		return err
	}
	return w.out.Flush()
}

// finish checks the response of an App that has returned without an error. If another goroutine is
// still in a call, finish reports that call, even if it began before the App returned.
func (w *writer) finish() {
	if !w.mu.TryLock() {
		w.x.violated(responseAfterReturn, "a call is under way")
		return
	}
	defer w.mu.Unlock()
	if w.x.fatalViolation() == nil {
		w.checkComplete()
	}
}

func (w *writer) checkComplete() {
	if w.code == 0 {
		w.x.violated(responseSilent, "")
		w.code = 200
	}
	if !w.headChecked {
		w.checkHead()
	} else if w.bodyAllowed() { // otherwise the gateway has removed fields
		w.x.require(w.out.Headers().String() == w.committedHead, responseFieldsAfterHead, "")
	}
	if w.written > 0 {
		w.checkContent()
	}
	w.checkEnd()
}
