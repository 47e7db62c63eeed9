package cgi

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// copyBody sends the request body to the script, which need not read it. If the body fails, the
// script is stopped, because it must not treat the part as a complete body.
func (p *process) copyBody(body io.Reader) {
	source := &sourceReader{Reader: body, progress: &p.progress}
	io.Copy(p.stdin, source)
	if source.err != nil && source.err != io.EOF {
		p.abort(&gateway.BodyError{Err: source.err})
	}
	p.stdin.Close()
}

// sourceReader records the error of its reader, because io.Copy does not tell which side failed. A
// Read also means that the script has read the bytes of the previous Read.
type sourceReader struct {
	io.Reader
	progress *progress
	err      error
}

func (r *sourceReader) Read(p []byte) (n int, err error) {
	r.progress.sending.Store(true)
	n, r.err = r.Reader.Read(p)
	r.progress.note()
	r.progress.sending.Store(false)
	return n, r.err
}

// copyStderr writes standard error to the log up to MaxStderrBytes. It reads and drops the rest, so
// that the script does not wait.
func (p *process) copyStderr() {
	defer close(p.logged)
	defer p.stderr.Close()
	most := cmp.Or(p.MaxStderrBytes, defaultMaxStderr)
	if most < 0 {
		most = 1<<63 - 1
	}
	source := &progressReader{io.LimitReader(p.stderr, most), &p.progress}
	// The wrapped writer has no ReadFrom, so that this small buffer is used: most scripts write
	// nothing.
	io.CopyBuffer(struct{ io.Writer }{&p.log}, source, make([]byte, 1<<10))
	if dropped, _ := io.Copy(io.Discard, p.stderr); dropped > 0 {
		fmt.Fprintf(&p.log, "\ncgi: %.256q: %d more bytes of standard error were dropped\n", p.path, dropped)
	}
}

// progressReader notes each Read of some bytes as progress of the script.
type progressReader struct {
	io.Reader
	progress *progress
}

func (r *progressReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.progress.note()
	}
	return n, err
}

// errorLog gets what a script writes to standard error, and the messages of this process about the
// script. It writes to the request's Stderr until the Body is closed, and then to Script.Stderr.
type errorLog struct {
	mu      sync.Mutex
	request *gateway.Request // nil after the Body was closed
	w       io.Writer
}

func newErrorLog(r *gateway.Request) errorLog {
	return errorLog{request: r, w: cmp.Or[io.Writer](r.Stderr, os.Stderr)}
}

// Write writes output of the script.
func (l *errorLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Warn writes a message of another package about the request: see gateway.Request.Warn.
func (l *errorLog) Warn(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.request != nil {
		l.request.Warn(text)
		return
	}
	fmt.Fprintln(l.w, "cgi: "+text)
}

// report writes a message about the script: as a warning, if the log distinguishes warnings from
// the script's own output.
func (l *errorLog) report(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if log, ok := l.w.(interface{ Warn(text string) }); ok {
		log.Warn("the script " + strings.TrimPrefix(err.Error(), "cgi: "))
		return
	}
	fmt.Fprintln(l.w, err)
}

// redirect makes the log write to w. The request's Stderr is not used any more.
func (l *errorLog) redirect(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.request, l.w = nil, w
}

// progress records when a script has last made progress.
type progress struct {
	last    atomic.Int64 // Unix time in nanoseconds
	reading atomic.Bool  // a Read waits for the response
	sending atomic.Bool  // the script may be waiting for the client's body
}

// note notes progress.
func (w *progress) note() { w.last.Store(time.Now().UnixNano()) }

// begin notes that a Read of the response begins, and pause that it has ended.
func (w *progress) begin() {
	w.note()
	w.reading.Store(true)
}

func (w *progress) pause() { w.reading.Store(false) }

// remaining returns how much longer the script may make no progress, if it may make none for limit.
func (w *progress) remaining(limit time.Duration) time.Duration {
	if !w.reading.Load() || w.sending.Load() {
		return limit
	}
	return limit - time.Since(time.Unix(0, w.last.Load()))
}
