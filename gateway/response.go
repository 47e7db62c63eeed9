package gateway

import (
	"strconv"
	"sync"

	"github.com/cgikit/cgikit/headers"
)

// response is the ResponseWriter of every transport. Its mutex is not meant for concurrent use by
// the App. It keeps a goroutine that outlives its App from writing to a buffer that another request
// uses by then.
type response struct {
	mu            sync.Mutex
	h             *BaseCGIHandler // not to be used when finished: it may serve another request then
	headers       headers.Headers
	status        string          // "" until Start or the first byte
	head          bool            // the request is a HEAD
	copiesFiles   bool            // NoFileWrapper
	clientVersion clientVersion   // used if OriginServer is set
	id            string          // of the request; see Identify
	own           []headers.Field // see WithFields

	committed bool
	finished  bool
	bodyless  bool
	chunked   bool
	declared  int64 // Content-Length, set by commit; unknownLength if not declared
	written   int64 // body bytes accepted from the App

	pending *buffer // body bytes not written to Stdout yet; nil before the first
	fault   error   // the first broken rule: the response will be the error page
	lost    error   // the first error of Stdout
}

func (w *response) Headers() *headers.Headers { return &w.headers }

func (w *response) Start(status string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	// even if Stdout has failed since: an access log calls Start to learn whether the head was sent
	if w.committed && !w.finished {
		return ErrCommitted
	}
	if err := w.writeError(); err != nil {
		return err
	}
	err := checkStatus(status)
	switch {
	case err != nil:
		return w.recordFault(err)
	case status[0] != '1':
		w.status = status
	}
	return nil
}

func (w *response) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.startBody(len(p))
	if putErr := w.writeBody(p[:n]); putErr != nil {
		return 0, putErr
	}
	return n, err
}

// WriteString implements io.StringWriter. Text that fits into the buffer is copied only once.
func (w *response) WriteString(s string) (int, error) {
	if w.bufferString(s) {
		return len(s), nil
	}
	return w.Write([]byte(s))
}

// bufferString appends s to the buffer if all of it fits, and reports whether it did.
func (w *response) bufferString(s string) bool {
	w.mu.Lock()
	defer w.mu.Unlock() // deferred, since headers panics if another goroutine of the App changes them meanwhile
	if _, err := w.startBody(len(s)); err != nil || len(s) > headBuffer-w.pending.len() {
		return false
	}
	w.written += int64(len(s))
	if !w.dropsBody() {
		w.buffer().data = append(w.buffer().data, s...)
	}
	return true
}

func (w *response) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.commit(false); err != nil {
		return err
	}
	if err := w.flushBuffer(); err != nil {
		return err
	}
	if f, ok := w.h.Stdout.(Flusher); ok {
		return w.recordLoss(f.Flush())
	}
	return nil
}

// writeError returns why nothing more can be written, nil if writing is possible.
func (w *response) writeError() error {
	switch {
	case w.finished:
		return ErrFinished
	case w.lost != nil:
		return w.lost
	}
	return w.fault
}

// recordFault keeps the broken rule, so that the response will be the error page even if the App
// ignores the error. It is called at most once, since writeError returns the fault after that.
func (w *response) recordFault(err error) error {
	w.fault = err
	return err
}

// recordLoss keeps the first error of Stdout. It returns err.
func (w *response) recordLoss(err error) error {
	if err != nil && w.lost == nil {
		w.lost = err
	}
	return err
}

// startBody sets the default status and returns how many of n bytes the declared length allows.
func (w *response) startBody(n int) (int, error) {
	if err := w.writeError(); err != nil {
		return 0, err
	}
	if w.status == "" {
		w.status = "200 OK"
	}
	length := w.declared
	if !w.committed {
		length = w.declaredSoFar()
	}
	if length != unknownLength && int64(n) > length-w.written {
		return int(max(length-w.written, 0)), ErrContentLength
	}
	return n, nil
}

// declaredSoFar returns the length that the head would declare if it were committed now. commit
// reports a malformed one.
func (w *response) declaredSoFar() int64 {
	value, ok := w.headers.Lookup("Content-Length")
	if !ok || !bodyAllowed(w.status) {
		return unknownLength
	}
	n, err := parseLength(value)
	if err != nil {
		return unknownLength
	}
	return n
}

// writeBody writes body bytes that startBody has allowed. It buffers them if they fit; otherwise it
// sends the head, the buffered bytes and p.
func (w *response) writeBody(p []byte) error {
	w.written += int64(len(p))
	switch {
	case len(p) == 0 || w.dropsBody():
		return nil
	case len(p) <= headBuffer-w.pending.len():
		w.buffer().data = append(w.buffer().data, p...)
		return nil
	}
	if err := w.commit(false); err != nil {
		return err
	}
	if err := w.flushBuffer(); err != nil {
		return err
	}
	switch {
	case w.dropsBody():
		return nil
	case len(p) <= headBuffer:
		w.buffer().data = append(w.buffer().data, p...)
		return nil
	}
	return w.sendBody(p)
}

func (w *response) dropsBody() bool { return w.committed && w.bodyless }

// commit applies the rules to status and fields and sends the head. final means that the body is
// complete, so that its length is known.
func (w *response) commit(final bool) error {
	if err := w.writeError(); err != nil || w.committed {
		return err
	}
	setFields(&w.headers, w.own)
	declared, err := checkFields(&w.headers)
	if err != nil {
		return w.recordFault(err)
	}
	silentApp := w.status == ""
	if silentApp {
		w.status = "200 OK"
	}
	allowed := bodyAllowed(w.status)
	if !allowed {
		dropEntityFields(&w.headers)
		declared = unknownLength
	}
	switch {
	case declared != unknownLength && (w.written > declared || final && !w.head && w.written < declared):
		return w.recordFault(ErrContentLength)
	case final && allowed && declared == unknownLength && (!w.head || w.written > 0 || silentApp):
		declared = w.written
		w.headers.Set("Content-Length", strconv.FormatInt(declared, 10))
	}
	if w.id != "" {
		w.headers.Set(requestIDField, w.id)
	}
	w.declared, w.bodyless, w.committed = declared, w.head || !allowed, true
	return w.sendHead()
}

// sendHead writes the head. If Stdout receives bytes, the same call writes the buffered body.
func (w *response) sendHead() error {
	if hw, ok := w.h.Stdout.(HeadWriter); ok {
		return w.recordLoss(hw.WriteHead(w.status, &w.headers))
	}
	out := getBuffer()
	defer out.release()
	if w.h.OriginServer {
		out.data = w.appendOriginHead(out.data)
	} else {
		out.data = appendHead(out.data, w.status, &w.headers)
	}
	if !w.bodyless {
		out.data = w.appendBody(out.data, w.pending.bytes())
	}
	w.pending.reset()
	return w.send(out.data)
}

// flushBuffer sends the buffered body bytes, or drops them if the response has no body.
func (w *response) flushBuffer() error {
	if w.bodyless {
		w.pending.reset()
	}
	if w.pending.len() == 0 {
		return nil
	}
	err := w.sendBody(w.pending.bytes())
	w.pending.reset()
	return err
}

// sendBody sends body bytes without the buffer.
func (w *response) sendBody(p []byte) error {
	if w.chunked {
		return w.sendChunks(p)
	}
	return w.send(p)
}

func (w *response) send(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	_, err := writeWhole(w.h.Stdout, p)
	return w.recordLoss(err)
}

// finish completes a response whose App has returned without an error. After it nothing may be
// sent, since the client knows the end of the body from its length or from the last chunk.
func (w *response) finish() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.finished = true }()
	if err := w.commit(true); err != nil {
		return err
	}
	if err := w.flushBuffer(); err != nil {
		return err
	}
	if !w.bodyless && w.declared != unknownLength && w.written != w.declared {
		return ErrContentLength
	}
	return w.sendLastChunk()
}

// release returns the buffer to its pool. Calls of w fail from now on.
func (w *response) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finished = true
	w.pending.release()
	w.pending = nil
}

func (w *response) buffer() *buffer {
	if w.pending == nil {
		w.pending = getBuffer()
	}
	return w.pending
}
