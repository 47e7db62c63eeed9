package cgi

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// maxChunkLine bounds the line before a chunk and a trailer field, in bytes.
const maxChunkLine = 4 << 10

// errChunkEnd is a chunk that is longer than its size.
var errChunkEnd = errors.New("no line end behind a chunk")

// takeChunked reports whether the body of an nph script's response is chunked, and takes the field
// that says so.
func takeChunked(resp *gateway.Response) bool {
	if !strings.EqualFold(resp.Headers.Get("Transfer-Encoding"), "chunked") {
		return false
	}
	resp.Headers.Del("Transfer-Encoding")
	resp.Headers.Del("Content-Length") // RFC 9112 section 6.3: it says nothing then
	return true
}

// chunked decodes a chunked body (RFC 9112 section 7.1). It ends with the last chunk, and with an
// error where its body ends before. Trailers are dropped.
type chunked struct {
	body chunkedBody
	in   *bufio.Reader
	left int64 // bytes of the chunk under way
	open bool  // the line end after a chunk is still to come
	err  error
}

// chunkedBody is what chunked decodes.
type chunkedBody interface {
	io.ReadCloser
	complete() error // called after the last chunk; returns what the decoded body ends with
}

func newChunked(body chunkedBody) *chunked {
	return &chunked{body: body, in: bufio.NewReaderSize(body, maxChunkLine)}
}

// Close closes the script's standard output.
func (c *chunked) Close() error { return c.body.Close() }

func (c *chunked) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err = c.in.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err != nil {
		c.err = badChunks("", err)
	}
	return n, c.err
}

// next reads up to the first byte of a chunk, or to the end of all.
func (c *chunked) next() error {
	if c.open {
		if line, err := c.line(); err != nil || line != "" {
			return badChunks(line, cmp.Or(err, errChunkEnd))
		}
	}
	line, err := c.line()
	if err != nil {
		return badChunks(line, err)
	}
	size, _, _ := strings.Cut(line, ";") // extensions say nothing to us
	n, err := strconv.ParseUint(strings.TrimRight(size, " \t"), 16, 63)
	if err != nil {
		return badChunks(line, err)
	}
	c.left, c.open = int64(n), true
	if n > 0 {
		return nil
	}
	return c.finish()
}

// finish reads the trailers.
func (c *chunked) finish() error {
	for total := 0; ; {
		line, err := c.line()
		if total += len(line); total > maxChunkLine {
			err = bufio.ErrBufferFull
		}
		if err != nil {
			return badChunks(line, err)
		}
		if line == "" {
			return c.body.complete()
		}
	}
}

// line reads one line without its end.
func (c *chunked) line() (string, error) {
	line, err := c.in.ReadSlice('\n')
	return strings.TrimRight(string(line), "\r\n"), err
}

// badChunks blames the script, but for an error that knows better.
func badChunks(line string, err error) error {
	var known *gateway.BackendError
	switch {
	case errors.As(err, &known):
		return err
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return &gateway.BackendError{Status: 502, Reason: "the script sent a bad chunk", Err: fmt.Errorf("cgi: %.64q: %w", line, err)}
}
