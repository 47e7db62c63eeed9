package gateway

import (
	"strconv"
	"sync"

	"github.com/cgikit/cgikit/headers"
)

// response is the ResponseWriter of every transport. Its mutex does not make it fit for concurrent
// use; it keeps a goroutine that outlives its App away from buffers that serve another request by
// then.
type response struct {
	mu      sync.Mutex
	h       *BaseCGIHandler
	headers headers.Headers
	status  string // "" until Start or the first byte
	head    bool   // the request is a HEAD
	client  client // OriginServer: what the client speaks

	committed bool
	finished  bool
	bodyless  bool
	chunked   bool
	declared  int64 // Content-Length once committed; unknownLength where there is none
	written   int64 // body bytes taken from the App

	wait  *buffer // body bytes that are not on Stdout yet; nil where none ever waited
	fault error   // a broken rule: the response is the error page
	lost  error   // what Stdout returned when it failed
}

func (w *response) Headers() *headers.Headers { return &w.headers }

func (w *response) Start(status string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	// also where Stdout failed since: an access log asks what the client was told
	if w.committed && !w.finished {
		return ErrCommitted
	}
	if err := w.usable(); err != nil {
		return err
	}
	err := checkStatus(status)
	switch {
	case err != nil:
		return w.broke(err)
	case status[0] != '1':
		w.status = status
	}
	return nil
}

func (w *response) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.admit(len(p))
	if putErr := w.put(p[:n]); putErr != nil {
		return 0, putErr
	}
	return n, err
}

// WriteString implements io.StringWriter: text that fits the buffer is not copied twice.
func (w *response) WriteString(s string) (int, error) {
	if w.keepString(s) {
		return len(s), nil
	}
	return w.Write([]byte(s))
}

// keepString takes s if all of it may wait.
func (w *response) keepString(s string) bool {
	w.mu.Lock()
	defer w.mu.Unlock() // also where headers panics, which a goroutine left behind may bring about
	if _, err := w.admit(len(s)); err != nil || len(s) > headBuffer-w.wait.len() {
		return false
	}
	w.written += int64(len(s))
	if !w.discards() {
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
	if err := w.push(); err != nil {
		return err
	}
	if f, ok := w.h.Stdout.(Flusher); ok {
		return w.keep(f.Flush())
	}
	return nil
}

// usable returns why nothing more can be written.
func (w *response) usable() error {
	switch {
	case w.finished:
		return ErrFinished
	case w.lost != nil:
		return w.lost
	}
	return w.fault
}

// broke remembers the broken rule, which is the first, as nothing gets past usable after it: the
// response will be the error page, also when the App ignores the error.
func (w *response) broke(err error) error {
	w.fault = err
	return err
}

// keep remembers the first error of Stdout.
func (w *response) keep(err error) error {
	if err != nil && w.lost == nil {
		w.lost = err
	}
	return err
}

// admit starts the response and returns how many of n bytes the declared length leaves room for.
func (w *response) admit(n int) (int, error) {
	if err := w.usable(); err != nil {
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

// declaredSoFar is the length that the head would declare if it were committed now. A malformed one
// is reported by commit.
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

// put takes admitted body bytes: small ones wait, others push the head and what waits before them.
func (w *response) put(p []byte) error {
	w.written += int64(len(p))
	switch {
	case len(p) == 0 || w.discards():
		return nil
	case len(p) <= headBuffer-w.wait.len():
		w.buffer().data = append(w.buffer().data, p...)
		return nil
	}
	if err := w.commit(false); err != nil {
		return err
	}
	if err := w.push(); err != nil {
		return err
	}
	switch {
	case w.discards():
		return nil
	case len(p) <= headBuffer:
		w.buffer().data = append(w.buffer().data, p...)
		return nil
	}
	return w.emit(p)
}

func (w *response) discards() bool { return w.committed && w.bodyless }

// commit applies the rules to status and fields and sends the head. final says that the body is
// complete, so that its length is known.
func (w *response) commit(final bool) error {
	if err := w.usable(); err != nil || w.committed {
		return err
	}
	declared, err := checkFields(&w.headers)
	if err != nil {
		return w.broke(err)
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
		return w.broke(ErrContentLength)
	case final && allowed && declared == unknownLength && (!w.head || w.written > 0 || silentApp):
		declared = w.written
		w.headers.Set("Content-Length", strconv.FormatInt(declared, 10))
	}
	w.declared, w.bodyless, w.committed = declared, w.head || !allowed, true
	return w.sendHead()
}

// sendHead writes the head, and the body that waits in the same call where Stdout takes bytes.
func (w *response) sendHead() error {
	if hw, ok := w.h.Stdout.(HeadWriter); ok {
		return w.keep(hw.WriteHead(w.status, &w.headers))
	}
	out := getBuffer()
	defer out.release()
	if w.h.OriginServer {
		out.data = w.appendOriginHead(out.data)
	} else {
		out.data = appendHead(out.data, w.status, &w.headers)
	}
	if !w.bodyless {
		out.data = w.appendBody(out.data, w.wait.bytes())
	}
	w.wait.reset()
	return w.send(out.data)
}

// push sends the body that waits. A response without body drops it.
func (w *response) push() error {
	if w.bodyless {
		w.wait.reset()
	}
	if w.wait.len() == 0 {
		return nil
	}
	err := w.emit(w.wait.bytes())
	w.wait.reset()
	return err
}

// emit sends body bytes past the buffer.
func (w *response) emit(p []byte) error {
	if w.chunked {
		return w.emitChunk(p)
	}
	return w.send(p)
}

func (w *response) send(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	_, err := writeWhole(w.h.Stdout, p)
	return w.keep(err)
}

// finish completes a response whose App has returned without an error. Nothing may come behind it:
// its length is in the head, or its last chunk is out.
func (w *response) finish() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.finished = true }()
	if err := w.commit(true); err != nil {
		return err
	}
	if err := w.push(); err != nil {
		return err
	}
	if !w.bodyless && w.declared != unknownLength && w.written != w.declared {
		return ErrContentLength
	}
	return w.endChunks()
}

// end makes the writer useless for whoever still holds it.
func (w *response) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finished = true
	w.wait.release()
	w.wait = nil
}

func (w *response) buffer() *buffer {
	if w.wait == nil {
		w.wait = getBuffer()
	}
	return w.wait
}
