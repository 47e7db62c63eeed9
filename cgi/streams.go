package cgi

import (
	"cmp"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// feed hands the request body to the script, which need not read it. A body that breaks off stops the script: it must not be
// taken for a whole one.
func (p *process) feed(body io.Reader) {
	source := &sourceReader{Reader: body, progress: &p.progress}
	io.Copy(p.stdin, source)
	if source.err != nil && source.err != io.EOF {
		p.stop(source.err)
	}
	p.stdin.Close()
}

// sourceReader remembers its reader's error: io.Copy does not tell which side failed. A Read tells also that the script took in
// what the one before gave.
type sourceReader struct {
	io.Reader
	progress *progress
	err      error
}

func (r *sourceReader) Read(p []byte) (n int, err error) {
	r.progress.feeding.Store(true)
	n, r.err = r.Reader.Read(p)
	r.progress.made()
	r.progress.feeding.Store(false)
	return n, r.err
}

// copyStderr hands standard error on up to its bound, and reads on beyond it: a script must not wait for a log.
func (p *process) copyStderr() {
	defer p.stderr.Close()
	most := cmp.Or(p.MaxStderrBytes, defaultMaxStderr)
	if most < 0 {
		most = 1<<63 - 1
	}
	// Neither side gets to choose another way: most scripts say nothing, for which a large buffer would be too much.
	io.CopyBuffer(struct{ io.Writer }{p.log}, io.LimitReader(p.stderr, most), make([]byte, 1<<10))
	if dropped, _ := io.Copy(io.Discard, p.stderr); dropped > 0 {
		fmt.Fprintf(p.log, "\ncgi: %.256q: %d more bytes of standard error were dropped\n", p.path, dropped)
	}
}

// progress knows for how long a script has let others wait.
type progress struct {
	last    atomic.Int64 // Unix time in nanoseconds
	reading atomic.Bool  // somebody waits for the script
	feeding atomic.Bool  // the script may wait for the client
}

func (w *progress) made() { w.last.Store(time.Now().UnixNano()) }

func (w *progress) begin() {
	w.made()
	w.reading.Store(true)
}

func (w *progress) pause() { w.reading.Store(false) }

// left is how much longer a script may make others wait, if each wait may take limit.
func (w *progress) left(limit time.Duration) time.Duration {
	if !w.reading.Load() || w.feeding.Load() {
		return limit
	}
	return limit - time.Since(time.Unix(0, w.last.Load()))
}
