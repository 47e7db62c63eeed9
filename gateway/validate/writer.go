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

// headBuffer is how many bytes of body wait before the head is committed: what
// gateway.ResponseWriter's Write says. Until then fields may change, and are not judged.
const headBuffer = 4 << 10

// writer is the ResponseWriter that the App gets. Its lock shows when two goroutines use it at the
// same time, and keeps their calls apart where that is let pass.
type writer struct {
	mu  sync.Mutex
	out gateway.ResponseWriter
	response
	sent string // the head that was committed before the App returned
}

// begin locks w, which the caller unlocks, and returns why the call may not go on.
func (w *writer) begin(call string) error {
	if !w.mu.TryLock() {
		w.x.violated(responseConcurrent, call)
		w.mu.Lock()
	}
	w.late(call)
	return w.x.failed()
}

// late reports a call that comes too late. It goes on nevertheless: the gateway has an answer to
// it.
func (w *writer) late(call string) bool {
	if !w.x.ended.Load() {
		return false
	}
	w.x.violated(responseAfterReturn, call)
	return true
}

// Headers does not lock: the list is as safe as without us.
func (w *writer) Headers() *headers.Headers {
	w.late("Headers")
	return w.out.Headers()
}

func (w *writer) Start(status string) error {
	err := w.begin("Start")
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

// parseStatus: RFC 9112 section 4, RFC 3875 section 6.3.3.
func parseStatus(s string) (code int, ok bool) {
	if len(s) < 4 || s[0] == '0' || !isDigits(s[:3]) || s[3] != ' ' || !isText(s) {
		return 0, false
	}
	code, err := strconv.Atoi(s[:3])
	return code, err == nil
}

func (w *writer) Write(p []byte) (int, error) {
	err := w.admit(len(p))
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := w.out.Write(p)
	return w.took(len(p), n, err)
}

// WriteString implements io.StringWriter.
func (w *writer) WriteString(s string) (int, error) {
	out, ok := w.out.(io.StringWriter)
	if !ok {
		return w.Write([]byte(s))
	}
	err := w.admit(len(s))
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := out.WriteString(s)
	return w.took(len(s), n, err)
}

// admit locks w and checks n bytes before they are written.
func (w *writer) admit(n int) error {
	if err := w.begin("Write"); err != nil || w.x.ended.Load() {
		return err
	}
	w.started()
	w.checkBody(int64(n), w.declared())
	if w.settled || w.written+int64(n) > headBuffer {
		w.commit(int64(n))
	}
	return w.x.failed()
}

// started reports body bytes or a Flush before a status, which means 200.
func (w *writer) started() {
	if w.code == 0 {
		w.x.violated(responseStartMissing, "")
		w.code = 200
	}
}

// declared is the Content-Length that goes for the next byte.
func (w *writer) declared() int64 {
	if w.settled {
		return w.fields.length
	}
	n, ok := parseLength(w.out.Headers().Get("Content-Length"))
	if !ok {
		return unknownLength
	}
	return n
}

// commit checks the head that is about to be sent, with n bytes of body behind those written.
func (w *writer) commit(n int64) {
	if !w.settled {
		w.settle()
		w.sent = w.out.Headers().String()
	}
	if w.written+n > 0 {
		w.checkContent()
	}
}

// settle checks the fields. It judges what is in the list, and what the list refused to take.
func (w *writer) settle() {
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

// took counts what a Write of size bytes returned.
func (w *writer) took(size, n int, err error) (int, error) {
	if w.x.ended.Load() {
		return n, err
	}
	w.x.checkCount(writerCount, size, n, err)
	w.written += int64(max(n, 0))
	if failure := w.x.failed(); failure != nil {
		return n, failure
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom: a file goes to the gateway as it is, so that the system may
// send it.
func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	out, ok := w.out.(io.ReaderFrom)
	if !ok || !isFile(src) {
		return w.copyFrom(src)
	}
	err := w.admit(0)
	defer w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if !w.x.ended.Load() {
		w.commit(0)
	}
	if err := w.x.failed(); err != nil {
		return 0, err
	}
	n, err := out.ReadFrom(src)
	return n, w.sentFile(n, err)
}

// copyFrom sends what is no file by Write. The gateway would do the same, and a status without a
// byte is a response too.
func (w *writer) copyFrom(src io.Reader) (int64, error) {
	if _, err := w.Write(nil); err != nil {
		return 0, err
	}
	return io.Copy(writerOnly{w}, src)
}

// writerOnly hides ReadFrom from io.Copy.
type writerOnly struct{ io.Writer }

// isFile matches what the gateway sends as a file, and files that it then finds not to be regular.
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

// sentFile checks n bytes of a file when they have been sent: before that nobody knew how many
// there would be.
func (w *writer) sentFile(n int64, err error) error {
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
	if failure := w.x.failed(); failure != nil {
		return failure
	}
	return err
}

func (w *writer) Flush() error {
	err := w.begin("Flush")
	defer w.mu.Unlock()
	if err != nil {
		return err
	}
	if !w.x.ended.Load() {
		w.started()
		w.commit(0)
	}
	if err := w.x.failed(); err != nil {
		return err
	}
	return w.out.Flush()
}

// finish checks the response of an App that has returned without an error. Where another goroutine
// is in a call still, that call is the fault, whichever of the two was first.
func (w *writer) finish() {
	if !w.mu.TryLock() {
		w.x.violated(responseAfterReturn, "a call is under way")
		return
	}
	defer w.mu.Unlock()
	if w.x.failed() == nil {
		w.complete()
	}
}

func (w *writer) complete() {
	if w.code == 0 {
		w.x.violated(responseSilent, "")
		w.code = 200
	}
	if !w.settled {
		w.settle()
	} else if w.bodyAllowed() { // else the gateway has taken fields out
		w.x.require(w.out.Headers().String() == w.sent, responseFieldsAfterHead, "")
	}
	if w.written > 0 {
		w.checkContent()
	}
	w.checkEnd()
}
