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

// copyBody sends the request body to the script, which need not read it. A body that breaks off
// stops the script: it must not be taken for a complete one.
func (p *process) copyBody(body io.Reader) {
	source := &sourceReader{Reader: body, progress: &p.progress}
	io.Copy(p.stdin, source)
	if source.err != nil && source.err != io.EOF {
		p.abort(&gateway.BodyError{Err: source.err})
	}
	p.stdin.Close()
}

// sourceReader remembers its reader's error: io.Copy does not tell which side failed. A Read tells
// also that the script took in what the one before gave.
type sourceReader struct {
	io.Reader
	progress *progress
	err      error
}

func (r *sourceReader) Read(p []byte) (n int, err error) {
	r.progress.sending.Store(true)
	n, r.err = r.Reader.Read(p)
	r.progress.made()
	r.progress.sending.Store(false)
	return n, r.err
}

// copyStderr writes standard error to the log up to its bound, and reads on beyond it: a script
// must not wait for a log.
func (p *process) copyStderr() {
	defer close(p.logged)
	defer p.stderr.Close()
	most := cmp.Or(p.MaxStderrBytes, defaultMaxStderr)
	if most < 0 {
		most = 1<<63 - 1
	}
	source := &progressReader{io.LimitReader(p.stderr, most), &p.progress}
	// Neither side gets to choose another way: most scripts write nothing, for which a large buffer
	// would be too much.
	io.CopyBuffer(struct{ io.Writer }{&p.log}, source, make([]byte, 1<<10))
	if dropped, _ := io.Copy(io.Discard, p.stderr); dropped > 0 {
		fmt.Fprintf(&p.log, "\ncgi: %.256q: %d more bytes of standard error were dropped\n", p.path, dropped)
	}
}

// progressReader notes that the script does something.
type progressReader struct {
	io.Reader
	progress *progress
}

func (r *progressReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.progress.made()
	}
	return n, err
}

// errorLog takes what a script writes to standard error, and what this process has to say of it:
// the request's Stderr until the Body is closed, and Script.Stderr after that.
type errorLog struct {
	mu      sync.Mutex
	request *gateway.Request // nil after the Body was closed
	w       io.Writer
}

func newErrorLog(r *gateway.Request) errorLog {
	return errorLog{request: r, w: cmp.Or[io.Writer](r.Stderr, os.Stderr)}
}

// Write takes what the script wrote.
func (l *errorLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Warn takes what others have to say of the request: see gateway.Request.Warn.
func (l *errorLog) Warn(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.request != nil {
		l.request.Warn(text)
		return
	}
	fmt.Fprintln(l.w, "cgi: "+text)
}

// tell writes what err says of the script, as a warning where the log can tell it from the script's
// own words.
func (l *errorLog) tell(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if log, ok := l.w.(interface{ Warn(text string) }); ok {
		log.Warn("the script " + strings.TrimPrefix(err.Error(), "cgi: "))
		return
	}
	fmt.Fprintln(l.w, err)
}

// leave has the log written to w from now on. The request's own is not used any more.
func (l *errorLog) leave(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.request, l.w = nil, w
}

// progress knows for how long a script has let others wait.
type progress struct {
	last    atomic.Int64 // Unix time in nanoseconds
	reading atomic.Bool  // the response is waited for
	sending atomic.Bool  // the script may wait for the client
}

func (w *progress) made() { w.last.Store(time.Now().UnixNano()) }

func (w *progress) begin() {
	w.made()
	w.reading.Store(true)
}

func (w *progress) pause() { w.reading.Store(false) }

// left is how much longer a script may make others wait, if each wait may take limit.
func (w *progress) left(limit time.Duration) time.Duration {
	if !w.reading.Load() || w.sending.Load() {
		return limit
	}
	return limit - time.Since(time.Unix(0, w.last.Load()))
}
