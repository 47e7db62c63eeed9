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
// of the answer, so a script that fills the pipe of its standard output while the body is unread
// waits for ever, and so does Apache (measured with 10 MB, mod_cgi 2.4.71). Therefore settle reads
// what is left of the body before the first output.
type input struct {
	environ *util.Environ
	settled sync.Once
	wanted  atomic.Bool // the App is running, and may still read; if not, settle keeps nothing

	// an App may read and write in two goroutines; one that waits for standard input holds it
	mu    sync.Mutex
	stdin io.Reader
	taken int64 // bytes of the body that were read
	ahead exchange.Spool
	after error // what follows the bytes in ahead
}

// spoolMemory is how much of a body waits in memory. Forms fit, and a process that lives for one
// request can afford it.
const spoolMemory = 1 << 20

func newInput(stdin io.Reader, environ *util.Environ, maxSpool int64) *input {
	return &input{stdin: stdin, environ: environ, ahead: exchange.Spool{MemoryBytes: spoolMemory, MaxBytes: maxSpool}}
}

// Read gives the bytes that were read ahead, and then those that come in. The caller bounds it to
// the body.
func (in *input) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.after == nil {
		n, err := in.stdin.Read(p)
		in.taken += int64(n)
		return n, err
	}
	n, err := in.ahead.Read(p)
	if err == io.EOF {
		err = in.after
	}
	return n, err
}

// settle takes over what the web server has still to hand over, once.
func (in *input) settle() { in.settled.Do(in.readAhead) }

func (in *input) readAhead() {
	in.mu.Lock()
	defer in.mu.Unlock()
	rest := in.rest()
	if rest == nil {
		return
	}
	in.after = io.EOF
	if in.wanted.Load() {
		in.keep(rest)
	}
	io.Copy(io.Discard, rest) // the App does not read it, so its error is of no use
}

// keep reads the rest of the body ahead. Where that fails, the App gets all that was read before
// the error.
func (in *input) keep(rest io.Reader) {
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

// rest is what is left of the body, nil for nothing: up to CONTENT_LENGTH, since standard input may
// stay open for ever (RFC 3875 section 4.2). The gateway has checked and folded the variables
// before anything is written; what it refused is no length.
func (in *input) rest() io.Reader {
	declared := in.environ.Get("CONTENT_LENGTH")
	if declared == "" && strings.EqualFold(in.environ.Get("HTTP_TRANSFER_ENCODING"), "chunked") {
		return in.stdin // Apache decodes a chunked body, and ends it by closing
	}
	length, err := parseLength(declared)
	if err != nil || length <= in.taken {
		return nil
	}
	return io.LimitReader(in.stdin, length-in.taken)
}

// close is called when no goroutine can write any more or begin to read. It takes no lock: a
// goroutine that outlives the App may hold it while it waits for standard input.
func (in *input) close() { in.ahead.Close() }

// parseLength reads a length that was checked elsewhere.
func parseLength(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }
