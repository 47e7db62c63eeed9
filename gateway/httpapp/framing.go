package httpapp

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
)

// framing looks in what a client sends for requests whose end a proxy on the way may see elsewhere:
// those with both Content-Length and Transfer-Encoding, and those of HTTP/1.0 with
// Transfer-Encoding. net/http drops one of the fields before a handler can see it. What follows
// such a request may be what the proxy took for its body (request smuggling): the connection has to
// be closed after it (RFC 9112 section 6.1).
//
// Lines of bodies are looked at like those of heads. One that looks like a field may close a
// connection that could have been kept; it does no other harm.
type framing struct {
	line           [len(transferEncoding)]byte // the beginning of the line that is being read
	n              int                         // how many bytes of line are there
	length, coding bool                        // a line since the last empty one is such a field
	both           atomic.Bool                 // both of them were in one head
	codings        atomic.Int64                // lines with Transfer-Encoding
	// requests with Transfer-Encoding; of the goroutine that calls isAmbiguous
	known int64
	body  atomic.Int64 // bytes to come that are part of a body
}

const (
	contentLength    = "content-length:"
	transferEncoding = "transfer-encoding:"
)

// mostBuffered is more than net/http has read of a body when it calls the handler. It is 4 KiB in
// Go 1.26.
const mostBuffered = 64 << 10

// isAmbiguous reports whether the connection must end with r. It is to be called once for each
// request, before its body is read.
func (f *framing) isAmbiguous(r *http.Request) bool {
	f.body.Store(max(r.ContentLength-mostBuffered, 0))
	if len(r.TransferEncoding) > 0 {
		f.known++
		return f.both.Load()
	}
	return !r.ProtoAtLeast(1, 1) && f.codings.Load() > f.known
}

// observe takes what was read, in pieces of any size. Its calls must not overlap.
func (f *framing) observe(p []byte) {
	if body := f.body.Load(); body > 0 {
		skipped := min(body, int64(len(p)))
		f.body.Add(-skipped)
		f.n, p = len(f.line), p[skipped:] // the rest of a line
	}
	for len(p) > 0 {
		k := copy(f.line[f.n:], p)
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			f.n += k
			return
		}
		f.n += min(k, end)
		f.endLine()
		p = p[end+1:]
	}
}

// endLine looks at a whole line, or at the beginning of one that is longer than the fields' names.
func (f *framing) endLine() {
	line := f.line[:f.n]
	f.n = 0
	switch {
	case len(line) == 0, line[0] == '\r':
		if f.length && f.coding {
			f.both.Store(true)
		}
		f.length, f.coding = false, false
	case hasPrefixFold(line, contentLength):
		f.length = true
	case hasPrefixFold(line, transferEncoding):
		f.coding = true
		f.codings.Add(1)
	}
}

// hasPrefixFold compares without regard to the case of ASCII letters. prefix is in lower case.
func hasPrefixFold(line []byte, prefix string) bool {
	return len(line) >= len(prefix) && line[0]|0x20 == prefix[0] && strings.EqualFold(string(line[:len(prefix)]), prefix)
}
