package host

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// Bounds on what one request may write to a log.
const (
	maxLine   = 4 << 10
	maxStderr = 256 << 10
)

// lineWriter passes what a backend writes to its error stream to a log, line by line. It is safe
// for concurrent use: a backend may write while its response is read.
type lineWriter struct {
	log     *slog.Logger // nil: the request's own error stream
	request *gateway.Request

	mu     sync.Mutex
	line   []byte // without its end, which is still to come
	left   int    // bytes that may still be logged
	missed int64  // bytes that were not
}

// newLineWriter returns one that writes to log, or to the request's own error stream where log is
// nil.
func newLineWriter(log *slog.Logger, r *gateway.Request) *lineWriter {
	return &lineWriter{log: log, request: r, left: maxStderr}
}

func (w *lineWriter) emit(line string) {
	switch r := w.request; {
	case w.log != nil:
		w.log.WarnContext(r.Context(), "host: the application says",
			"method", r.Environ.Get("REQUEST_METHOD"), "uri", r.Environ.Get("REQUEST_URI"), "line", line)
	case r.Stderr != nil:
		_, _ = io.WriteString(r.Stderr, line+"\n")
	}
}

// Warn logs what the gateway itself has to say: see [gateway.Request.Warn].
func (w *lineWriter) Warn(text string) {
	r := w.request
	if w.log == nil {
		r.Warn(text)
		return
	}
	w.log.WarnContext(r.Context(), "host: "+text, "method", r.Environ.Get("REQUEST_METHOD"), "uri", r.Environ.Get("REQUEST_URI"))
}

// Write never fails: an application is not to suffer from the log.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			w.take(rest)
			break
		}
		w.take(rest[:end])
		w.endLine()
		rest = rest[end+1:]
	}
	return len(p), nil
}

// take adds to the line what may still be logged.
func (w *lineWriter) take(p []byte) {
	n := max(min(len(p), w.left, maxLine-len(w.line)), 0)
	w.line = append(w.line, p[:n]...)
	w.left -= n
	w.missed += int64(len(p) - n)
}

func (w *lineWriter) endLine() {
	if len(w.line) == 0 {
		return
	}
	if line := exchange.Printable(string(bytes.TrimSuffix(w.line, []byte("\r")))); line != "" {
		w.emit(line)
	}
	w.line = w.line[:0]
}

// close ends the last line, and takes no more.
func (w *lineWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLine()
	if w.missed > 0 {
		w.emit(fmt.Sprintf("(%d bytes more)", w.missed))
	}
	w.left = 0
}
