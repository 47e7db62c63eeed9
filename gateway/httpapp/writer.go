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

// responseWriter is the http.ResponseWriter over a gateway's. What net/http decides is decided
// here: when status and fields are settled, sniffing, and what may be written; the gateway decides
// when the head is committed.
type responseWriter struct {
	out     gateway.ResponseWriter
	request *gateway.Request

	header   http.Header // nil until the handler asks for it
	status   int         // 0 until WriteHeader
	declared int64       // Content-Length once there is a status; unknownLength where there is none
	written  int64       // body bytes the handler wrote, refused ones too, as in net/http

	sniffer sniffer
}

// Header implements http.ResponseWriter. Fields that were set before the handler ran, by an App
// around it, are in it.
func (w *responseWriter) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
		for name, value := range w.out.Headers().All() {
			w.header.Add(name, value)
		}
	}
	return w.header
}

// WriteHeader implements http.ResponseWriter. It takes the fields as they are now. A 1xx status
// cannot travel in CGI and is ignored, so that the response is still to come; that goes for 101
// too, since no connection can be taken over here.
func (w *responseWriter) WriteHeader(code int) {
	switch {
	case w.status != 0:
		w.superfluous(code)
	case code < 100 || code > 999:
		panic(fmt.Sprintf("httpapp: invalid WriteHeader code %d", code))
	case code >= 200:
		w.status = code
		w.sendFields()
		_ = w.out.Start(statusLine(code)) // fails only where every later call does
	}
}

// Write implements http.ResponseWriter.
func (w *responseWriter) Write(p []byte) (int, error) {
	if err := w.admit(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	if take(&w.sniffer, p) {
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
	if err := w.admit(len(s)); err != nil || s == "" {
		return 0, err
	}
	if take(&w.sniffer, s) {
		w.sniff()
	}
	n, err := out.WriteString(s)
	return n, httpError(err)
}

// ReadFrom implements io.ReaderFrom: the gateway may send a file without its bytes passing through
// here. Sniffing has to see the first of them.
func (w *responseWriter) ReadFrom(src io.Reader) (n int64, err error) {
	w.start()
	out, ok := w.out.(io.ReaderFrom)
	if !ok || !bodyAllowed(w.status) {
		return io.Copy(writerOnly{w}, src)
	}
	if w.sniffer.open {
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

// EnableFullDuplex is for http.ResponseController. What a transport allows it always allows.
func (w *responseWriter) EnableFullDuplex() error { return nil }

// finish settles what is open when the handler has returned. The gateway completes the response.
func (w *responseWriter) finish() {
	w.start()
	w.sniff()
}

func (w *responseWriter) start() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
}

// admit starts the response and says whether n more bytes may be written. A write that goes past
// the declared length is refused as a whole.
func (w *responseWriter) admit(n int) error {
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

// superfluous reports a second WriteHeader and where it came from, as net/http does.
func (w *responseWriter) superfluous(code int) {
	caller := handlerFrame()
	fmt.Fprintf(w.request.Stderr, "httpapp: superfluous WriteHeader(%d) after %d from %s (%s:%d)\n",
		code, w.status, caller.Function, filepath.Base(caller.File), caller.Line)
}

// handlerFrame returns the innermost frame of the caller that is neither ours nor net/http's:
// http.Error is not to blame.
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

// httpError gives handlers the error that they may compare with.
func httpError(err error) error {
	if errors.Is(err, gateway.ErrContentLength) {
		return http.ErrContentLength
	}
	return err
}
