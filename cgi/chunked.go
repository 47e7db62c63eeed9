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

// errChunkEnd is the error of a chunk that is longer than its size.
var errChunkEnd = errors.New("no line end after a chunk")

// removeChunked reports whether the response of an nph script has a chunked body, and removes the
// field that declares it.
func removeChunked(resp *gateway.Response) bool {
	if !strings.EqualFold(resp.Headers.Get("Transfer-Encoding"), "chunked") {
		return false
	}
	resp.Headers.Del("Transfer-Encoding")
	resp.Headers.Del("Content-Length") // invalid then, by RFC 9112 section 6.3
	return true
}

// chunked decodes a chunked body (RFC 9112 section 7.1). It ends after the last chunk. If the
// encoded body ends before, it returns an error. Trailers are dropped.
type chunked struct {
	body chunkedBody
	in   *bufio.Reader
	left int64 // unread bytes of the current chunk
	open bool  // the line end after a chunk is not read yet
	err  error
}

// chunkedBody is an encoded body.
type chunkedBody interface {
	io.ReadCloser
	finish() error // called after the last chunk; returns the error that follows the decoded body
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
		c.err = c.readChunkHead()
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

// readChunkHead reads up to the first byte of the next chunk, or to the end of the body.
func (c *chunked) readChunkHead() error {
	if c.open {
		if line, err := c.readLine(); err != nil || line != "" {
			return badChunks(line, cmp.Or(err, errChunkEnd))
		}
	}
	line, err := c.readLine()
	if err != nil {
		return badChunks(line, err)
	}
	size, _, _ := strings.Cut(line, ";") // chunk extensions are ignored
	n, err := strconv.ParseUint(strings.TrimRight(size, " \t"), 16, 63)
	if err != nil {
		return badChunks(line, err)
	}
	c.left, c.open = int64(n), true
	if n > 0 {
		return nil
	}
	return c.readTrailers()
}

// readTrailers reads the trailers and ends the body.
func (c *chunked) readTrailers() error {
	for total := 0; ; {
		line, err := c.readLine()
		if total += len(line); total > maxChunkLine {
			err = bufio.ErrBufferFull
		}
		if err != nil {
			return badChunks(line, err)
		}
		if line == "" {
			return c.body.finish()
		}
	}
}

// readLine reads one line and returns it without its end.
func (c *chunked) readLine() (string, error) {
	line, err := c.in.ReadSlice('\n')
	return strings.TrimRight(string(line), "\r\n"), err
}

// badChunks returns the error of an invalid chunked body. It returns err itself if that is a
// BackendError already.
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
