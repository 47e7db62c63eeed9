package httpapp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// responseWriter is an http.ResponseWriter that writes to a gateway.ResponseWriter. It decides what
// net/http would decide: when status and fields become final, the sniffed type, and what may be
// written. The gateway decides when the head is committed.
type responseWriter struct {
	out     gateway.ResponseWriter
	request *gateway.Request

	header   http.Header // nil until Header is called
	status   int         // 0 until WriteHeader
	declared int64       // Content-Length, set by WriteHeader; unknownLength if there is none
	written  int64       // body bytes that the handler wrote, including refused ones, as in net/http

	sniffer sniffer
}

// Header implements http.ResponseWriter. It includes fields that an outer App set before the
// handler ran.
func (w *responseWriter) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
		for name, value := range w.out.Headers().All() {
			w.header.Add(name, value)
		}
	}
	return w.header
}

// WriteHeader implements http.ResponseWriter. Later changes of the fields have no effect. A 1xx
// status is ignored, since CGI cannot carry it, and the handler can still set another status. That
// includes 101, since a handler cannot take over the connection here.
func (w *responseWriter) WriteHeader(code int) {
	switch {
	case w.status != 0:
		w.reportSuperfluous(code)
	case code < 100 || code > 999:
		panic(fmt.Sprintf("httpapp: invalid WriteHeader code %d", code))
	case code >= 200:
		w.status = code
		w.sendFields()
		_ = w.out.Start(statusLine(code)) // if it fails, every later call fails too
	}
}

// Write implements http.ResponseWriter.
func (w *responseWriter) Write(p []byte) (int, error) {
	if err := w.beginWrite(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	if collect(&w.sniffer, p) {
		w.sniff()
	}
	n, err := w.out.Write(p)
	return n, httpError(err)
}

// WriteString implements io.StringWriter.
func (w *responseWriter) WriteString(s string) (int, error) {
	out, ok := w.out.(io.StringWriter)
	if !ok {
		return w.Write([]byte(s))
	}
	if err := w.beginWrite(len(s)); err != nil || s == "" {
		return 0, err
	}
	if collect(&w.sniffer, s) {
		w.sniff()
	}
	n, err := out.WriteString(s)
	return n, httpError(err)
}

// ReadFrom implements io.ReaderFrom, so that the gateway can send a file by sendfile(2). If the
// type must be sniffed, the first bytes are copied.
func (w *responseWriter) ReadFrom(src io.Reader) (n int64, err error) {
	w.start()
	out, ok := w.out.(io.ReaderFrom)
	if !ok || !bodyAllowed(w.status) {
		return io.Copy(writerOnly{w}, src)
	}
	if w.sniffer.active {
		n, err = io.CopyN(writerOnly{w}, src, sniffLength)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	rest, err := out.ReadFrom(src)
	w.written += rest
	return n + rest, httpError(err)
}

// writerOnly hides ReadFrom from io.Copy.
type writerOnly struct{ io.Writer }

// Flush implements http.Flusher.
func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *responseWriter) FlushError() error {
	w.start()
	w.sniff()
	return w.out.Flush()
}

// EnableFullDuplex implements the method of http.ResponseController. It does nothing: the transport
// decides whether full duplex is possible.
func (w *responseWriter) EnableFullDuplex() error { return nil }

// finish sets a missing status and type when the handler has returned. The gateway completes the
// response.
func (w *responseWriter) finish() {
	w.start()
	w.sniff()
}

func (w *responseWriter) start() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
}

// beginWrite starts the response, and returns an error if n more bytes may not be written. A write
// that goes past the declared length is refused as a whole.
func (w *responseWriter) beginWrite(n int) error {
	w.start()
	if n == 0 {
		return nil
	}
	if !bodyAllowed(w.status) {
		return http.ErrBodyNotAllowed
	}
	w.written += int64(n)
	if w.declared != unknownLength && w.written > w.declared {
		return http.ErrContentLength
	}
	return nil
}

// reportSuperfluous reports a second WriteHeader and its caller, as net/http does.
func (w *responseWriter) reportSuperfluous(code int) {
	caller := handlerFrame()
	fmt.Fprintf(w.request.Stderr, "httpapp: superfluous WriteHeader(%d) after %d from %s (%s:%d)\n",
		code, w.status, caller.Function, filepath.Base(caller.File), caller.Line)
}

// handlerFrame returns the innermost frame that belongs neither to this package nor to net/http,
// whose http.Error calls WriteHeader for the handler.
func handlerFrame() runtime.Frame {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		ours := strings.HasPrefix(frame.Function, "github.com/cgikit/cgikit/gateway/httpapp.")
		if !ours && !strings.HasPrefix(frame.Function, "net/http.") || !more {
			return frame
		}
	}
}

// httpError returns the error of net/http that handlers compare with.
func httpError(err error) error {
	if errors.Is(err, gateway.ErrContentLength) {
		return http.ErrContentLength
	}
	return err
}
