package cgi

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// input is the script's standard input. Apache writes the whole request body before it reads a byte
// of the response. A script that fills the pipe of its standard output while the body is unread
// would wait for ever, and so would Apache (measured with 10 MB, mod_cgi 2.4.71). So readRest reads
// the rest of the body before the first output.
type input struct {
	environ *util.Environ
	once    sync.Once
	wanted  atomic.Bool // the App is running and may still read; if not, readRest keeps nothing

	// guards the fields below; held while Read waits, as an App may read and write concurrently
	mu    sync.Mutex
	stdin io.Reader
	used  int64 // bytes of the body that were read from stdin
	ahead exchange.Spool
	after error // the error that follows the bytes in ahead; nil before readRest
}

// spoolMemory is how much of a body is kept in memory, in bytes. It is enough for forms, and a
// process that serves one request can afford it.
const spoolMemory = 1 << 20

func newInput(stdin io.Reader, environ *util.Environ, maxSpool int64) *input {
	return &input{stdin: stdin, environ: environ, ahead: exchange.Spool{MemoryBytes: spoolMemory, MaxBytes: maxSpool}}
}

// Read reads standard input, or after readRest the bytes that were read ahead. The caller reads no
// further than the end of the body.
func (in *input) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.after == nil {
		n, err := in.stdin.Read(p)
		in.used += int64(n)
		return n, err
	}
	n, err := in.ahead.Read(p)
	if err == io.EOF {
		err = in.after
	}
	return n, err
}

// readRest reads the rest of the body, once. It keeps it if the App may still read.
func (in *input) readRest() { in.once.Do(in.readAhead) }

func (in *input) readAhead() {
	in.mu.Lock()
	defer in.mu.Unlock()
	rest := in.remaining()
	if rest == nil {
		return
	}
	in.after = io.EOF
	if in.wanted.Load() {
		in.spool(rest)
	}
	io.Copy(io.Discard, rest) // the App does not read this part, so an error is not needed
}

// spool keeps the rest of the body in ahead. If that fails, the App can read all bytes before the
// error.
func (in *input) spool(rest io.Reader) {
	_, err := in.ahead.Fill(rest)
	failed := (*exchange.SpoolError)(nil)
	switch {
	case errors.Is(err, exchange.ErrOverShare):
		in.after = fmt.Errorf("cgi: keep the request body: %w", &gateway.BodyTooLargeError{Limit: max(in.ahead.MaxBytes, 0)})
	case errors.As(err, &failed):
		in.after = fmt.Errorf("cgi: keep the request body: %w", err)
	case err != nil:
		in.after = err
	}
}

// remaining returns a reader of the rest of the body, or nil if nothing is left. It ends at
// CONTENT_LENGTH, because standard input may stay open for ever (RFC 3875 section 4.2). The gateway
// has checked the variables before the first output; a length that it has refused cannot be parsed.
func (in *input) remaining() io.Reader {
	declared := in.environ.Get("CONTENT_LENGTH")
	if declared == "" && strings.EqualFold(in.environ.Get("HTTP_TRANSFER_ENCODING"), "chunked") {
		return in.stdin // Apache decodes a chunked body, and closes standard input at its end
	}
	length, err := parseLength(declared)
	if err != nil || length <= in.used {
		return nil
	}
	return io.LimitReader(in.stdin, length-in.used)
}

// close frees the kept bytes. It is called when no goroutine can begin a read or a write any more.
// It does not lock mu: a goroutine that outlives the App may hold it while it waits for standard
// input.
func (in *input) close() { in.ahead.Close() }

// parseLength parses a length that was checked before.
func parseLength(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }
