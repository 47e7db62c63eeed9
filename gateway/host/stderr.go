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

// lineWriter writes the error stream of a backend to a log, line by line. It is safe for concurrent
// use, since a backend may write while its response is read.
type lineWriter struct {
	log     *slog.Logger // nil: the error stream of the request
	request *gateway.Request

	mu     sync.Mutex
	line   []byte // the beginning of the current line
	left   int    // bytes that may still be logged
	missed int64  // bytes that were not logged
}

// newLineWriter returns a lineWriter that writes to log, or to the error stream of the request if
// log is nil.
func newLineWriter(log *slog.Logger, r *gateway.Request) *lineWriter {
	return &lineWriter{log: log, request: r, left: maxStderr}
}

func (w *lineWriter) logLine(line string) {
	switch r := w.request; {
	case w.log != nil:
		w.log.WarnContext(r.Context(), "host: the application says",
			append(describeRequest(r), "line", line)...)
	case r.Stderr != nil:
		_, _ = io.WriteString(r.Stderr, line+"\n")
	}
}

// Warn logs a message of the gateway itself: see [gateway.Request.Warn].
func (w *lineWriter) Warn(text string) {
	r := w.request
	if w.log == nil {
		r.Warn(text)
		return
	}
	w.log.WarnContext(r.Context(), "host: "+text, describeRequest(r)...)
}

// describeRequest returns the attributes that each line about a request has.
func describeRequest(r *gateway.Request) []any {
	attrs := []any{"method", r.Environ.Get("REQUEST_METHOD"), "uri", r.Environ.Get("REQUEST_URI")}
	if id := r.ID(); id != "" {
		attrs = append(attrs, "request_id", id)
	}
	return attrs
}

// Write never fails, since a failure of the log must not affect the application.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			w.addToLine(rest)
			break
		}
		w.addToLine(rest[:end])
		w.finishLine()
		rest = rest[end+1:]
	}
	return len(p), nil
}

// addToLine adds to the line as much of p as may still be logged.
func (w *lineWriter) addToLine(p []byte) {
	n := max(min(len(p), w.left, maxLine-len(w.line)), 0)
	w.line = append(w.line, p[:n]...)
	w.left -= n
	w.missed += int64(len(p) - n)
}

func (w *lineWriter) finishLine() {
	if len(w.line) == 0 {
		return
	}
	if line := exchange.Printable(string(bytes.TrimSuffix(w.line, []byte("\r")))); line != "" {
		w.logLine(line)
	}
	w.line = w.line[:0]
}

// close logs the last line. Later writes are not logged.
func (w *lineWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finishLine()
	if w.missed > 0 {
		w.logLine(fmt.Sprintf("(%d bytes more)", w.missed))
	}
	w.left = 0
}
