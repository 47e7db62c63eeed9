package httpapp

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
)

// framing finds requests that a proxy in front of the server may end at another byte than net/http:
// requests with both Content-Length and Transfer-Encoding, and HTTP/1.0 requests with
// Transfer-Encoding. net/http drops one of the fields before a handler can see it, so framing reads
// the bytes of the client. The bytes after such a request may be a part of its body for the proxy
// (request smuggling), so the connection must be closed after it (RFC 9112 section 6.1).
//
// framing checks the lines of bodies like those of heads. A line of a body that looks like a field
// may close a connection that could have been kept, which does no other harm.
type framing struct {
	line           [len(transferEncoding)]byte // the beginning of the current line
	n              int                         // number of bytes in line
	length, coding bool                        // the current head has such a field
	both           atomic.Bool                 // one head had both fields
	codings        atomic.Int64                // number of lines with Transfer-Encoding
	// number of requests with Transfer-Encoding; used by isAmbiguous only
	known int64
	body  atomic.Int64 // number of the next bytes that belong to a body
}

const (
	contentLength    = "content-length:"
	transferEncoding = "transfer-encoding:"
)

// mostBuffered is an upper bound of what net/http has read of a body when it calls the handler,
// which is 4 KiB in Go 1.26.
const mostBuffered = 64 << 10

// isAmbiguous reports whether the connection must be closed after r. It must be called once for
// each request, before the body is read.
func (f *framing) isAmbiguous(r *http.Request) bool {
	f.body.Store(max(r.ContentLength-mostBuffered, 0))
	if len(r.TransferEncoding) > 0 {
		f.known++
		return f.both.Load()
	}
	return !r.ProtoAtLeast(1, 1) && f.codings.Load() > f.known
}

// observe checks the bytes that were read, in pieces of any size. Calls must not overlap.
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
		f.checkLine()
		p = p[end+1:]
	}
}

// checkLine checks a complete line, of which line has the beginning.
func (f *framing) checkLine() {
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
