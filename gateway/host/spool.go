package host

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// Spool is the gateway.Backend that finds out how long a request body is before another Backend gets it: CGI and SCGI put
// CONTENT_LENGTH before the body (RFC 3875 section 4.1.2), and many FastCGI applications, php-fpm among them, believe that a body
// without it is none. A body of known length passes as it is.
//
// The body is kept in memory, and above MemoryBytes in a temporary file without a name, which only this process can read and which
// is gone when the process is.
//
// A Spool is safe for concurrent use. Its fields must not change while it is used.
type Spool struct {
	// Backend gets the request, with CONTENT_LENGTH set where there is a body. It must be set.
	Backend gateway.Backend

	// MaxBodyBytes bounds the body, in bytes: a larger one is a [*gateway.BodyTooLargeError], which is a 413. Zero and negative mean
	// no bound but the disk.
	MaxBodyBytes int64

	// MemoryBytes bounds what of a body is kept in memory, in bytes. Zero is 64 KiB; negative is nothing.
	MemoryBytes int

	// Dir is the folder of the temporary files. Empty means os.TempDir.
	Dir string

	// Stream first offers a body of unknown length to the Backend as it comes. One that returns gateway.ErrLengthRequired, having
	// read not more than a few bytes, gets it spooled.
	Stream bool
}

const defaultMemory = 64 << 10

// RoundTrip implements gateway.Backend.
func (s *Spool) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	declared := r.Environ.Get("CONTENT_LENGTH")
	if declared != "" && s.MaxBodyBytes > 0 {
		if n, err := strconv.ParseInt(declared, 10, 64); err == nil && n > s.MaxBodyBytes {
			return nil, &gateway.BodyTooLargeError{Limit: s.MaxBodyBytes}
		}
	}
	if r.Stdin == nil || r.Stdin == gateway.NoBody || declared != "" {
		return s.Backend.RoundTrip(r)
	}
	if !s.Stream {
		return s.spooled(r, r.Stdin)
	}
	replay := &replayer{r: s.bounded(r.Stdin)}
	c := *r
	c.Stdin = replay
	resp, err := s.Backend.RoundTrip(&c)
	if errors.Is(err, gateway.ErrLengthRequired) && !replay.lost {
		return s.spooled(r, io.MultiReader(bytes.NewReader(replay.head), r.Stdin))
	}
	return resp, err
}

// spooled reads body to its end and sends it with its length.
func (s *Spool) spooled(r *gateway.Request, body io.Reader) (*gateway.Response, error) {
	b := new(spooledBody)
	length, err := b.fill(s.bounded(body), s)
	if err != nil {
		b.close()
		return nil, err
	}
	c := *r
	c.Environ, c.Stdin = r.Environ.Clone(), b
	c.Environ.Set("CONTENT_LENGTH", strconv.FormatInt(length, 10))
	c.Environ.Del("HTTP_TRANSFER_ENCODING")
	if length == 0 {
		c.Stdin = nil
	}
	resp, err := s.Backend.RoundTrip(&c)
	if err != nil {
		b.close()
		return nil, err
	}
	resp.Body = &closingBody{resp.Body, b}
	return resp, nil
}

func (s *Spool) bounded(r io.Reader) io.Reader {
	if s.MaxBodyBytes <= 0 {
		return r
	}
	return &boundedReader{r: r, left: s.MaxBodyBytes, limit: s.MaxBodyBytes}
}

// boundedReader gives an error in the place of the first byte above the limit.
type boundedReader struct {
	r           io.Reader
	left, limit int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, &gateway.BodyTooLargeError{Limit: b.limit}
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return n - 1, &gateway.BodyTooLargeError{Limit: b.limit}
	}
	return n, err
}

// spooledBody is a body of known length.
type spooledBody struct {
	memory []byte
	file   *util.TempFile // nil where memory has it all; positioned at what is to be read next
}

// fill reads r to its end and returns how much there was.
func (b *spooledBody) fill(r io.Reader, s *Spool) (length int64, err error) {
	most := max(cmp.Or(s.MemoryBytes, defaultMemory), 0)
	b.memory, err = io.ReadAll(io.LimitReader(r, int64(most)))
	if length = int64(len(b.memory)); err != nil || len(b.memory) < most {
		return length, err
	}
	first := make([]byte, 1) // a file is made only when there is something to put into it
	switch _, err := io.ReadFull(r, first); err {
	case io.EOF:
		return length, nil
	case nil:
	default:
		return length, err
	}
	n, err := b.fillFile(io.MultiReader(bytes.NewReader(first), r), s.Dir)
	return length + n, err
}

func (b *spooledBody) fillFile(r io.Reader, dir string) (n int64, err error) {
	if b.file, err = util.CreateTempFile(dir); err != nil {
		return 0, fmt.Errorf("host: keep the request body: %w", err)
	}
	disk := &diskWriter{f: b.file}
	if n, err = io.Copy(disk, r); disk.err != nil {
		return n, &gateway.BackendError{Status: 503, Reason: "the server has no room for the request body", Err: disk.err}
	}
	if err == nil {
		_, err = b.file.Seek(0, io.SeekStart)
	}
	return n, err
}

// diskWriter tells an error of the disk from one of the client.
type diskWriter struct {
	f   io.Writer
	err error
}

func (d *diskWriter) Write(p []byte) (n int, err error) {
	n, d.err = d.f.Write(p)
	return n, d.err
}

// Read implements io.Reader.
func (b *spooledBody) Read(p []byte) (int, error) {
	if len(b.memory) > 0 {
		n := copy(p, b.memory)
		b.memory = b.memory[n:]
		return n, nil
	}
	if b.file == nil {
		return 0, io.EOF
	}
	return b.file.Read(p)
}

// close makes room on the disk. A Backend that still reads gets an error.
func (b *spooledBody) close() {
	if b.file != nil {
		b.file.Close()
	}
}

// closingBody lets go of the request's body when the response has been read.
type closingBody struct {
	io.ReadCloser
	spooled *spooledBody
}

// Buffered tells gateway.Forward whether a part of the body came with the head.
func (b *closingBody) Buffered() int {
	if inner, ok := b.ReadCloser.(interface{ Buffered() int }); ok {
		return inner.Buffered()
	}
	return 0
}

// Close implements io.Closer.
func (b *closingBody) Close() error {
	defer b.spooled.close()
	return b.ReadCloser.Close()
}

// replayer keeps the first bytes that were read, for a Backend that finds out from them that it cannot go on.
type replayer struct {
	r    io.Reader
	head []byte
	lost bool // more was read than is kept
}

const mostReplayed = 512

// Read implements io.Reader.
func (p *replayer) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if p.lost = p.lost || len(p.head)+n > mostReplayed; !p.lost {
		p.head = append(p.head, b[:n]...)
	}
	return n, err
}
