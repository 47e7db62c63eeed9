package host

import (
	"cmp"
	"io"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/internal/accept"
)

// Spool is a gateway.Backend that reads the whole body before it sends the request to another
// Backend. So a body of unknown length gets a CONTENT_LENGTH, which CGI and SCGI need before the
// body (RFC 3875 section 4.1.2), and without which many FastCGI applications, such as php-fpm,
// assume that there is no body. A body of known length is passed on while it arrives, unless Buffer
// is set.
//
// The body is buffered in memory, and above MemoryBytes in a temporary file without a name, which
// only this process can read and which disappears with the process. The Budget bounds the buffered
// bytes.
//
// A Spool is safe for concurrent use. Its fields must not change while it is used, and it must not
// be copied after that.
type Spool struct {
	// Backend gets the request, with CONTENT_LENGTH if there is a body. It must be set.
	Backend gateway.Backend

	// Buffer also buffers a body of known length, so that a slow client does not occupy the
	// Backend. If the Budget has no room for it, the body is passed to the Backend while it
	// arrives, which Request.Warn logs at most once a minute.
	Buffer bool

	// MaxBodyBytes bounds the body, in bytes. A larger one is a [*gateway.BodyTooLargeError], which
	// is a 413. Zero means 1 GiB with Buffer, and otherwise no bound but the Budget. Negative means
	// no bound but the Budget.
	MaxBodyBytes int64

	// Budget bounds the buffered bytes. One request may use a quarter of it; a larger body of
	// unknown length is a [*gateway.BodyTooLargeError]. If other requests have left no room, it is
	// a [*gateway.ServerError] of 503. Nil means a new Budget of this Spool with the default sizes.
	Budget *exchange.Budget

	// MemoryBytes bounds the part of a body in memory, in bytes. Zero means 256 KiB, negative no
	// memory.
	MemoryBytes int

	// Dir is the folder of the temporary files. Empty means that of the Budget.
	Dir string

	// Stream passes a body of unknown length to the Backend while it arrives. A Backend that
	// returns gateway.ErrLengthRequired, after it has read at most 512 bytes, gets the request
	// again with the buffered body. Stream has no effect with Buffer.
	Stream bool

	own            exchange.Budget
	noRoom, noFile accept.Notice
}

// defaultMaxBody is the share of one request in the files of the default Budget.
const defaultMaxBody = 1 << 30

// RoundTrip implements gateway.Backend. If a temporary file cannot be created or written, the error
// is an [*exchange.SpoolError]. If reading the body fails, it is the error of r.Stdin.
func (s *Spool) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	return s.roundTrip(r, s.budget().NewShare())
}

// roundTrip is RoundTrip with the body in the given share.
func (s *Spool) roundTrip(r *gateway.Request, share *exchange.Share) (*gateway.Response, error) {
	if r.Stdin == nil || r.Stdin == gateway.NoBody {
		return s.Backend.RoundTrip(r)
	}
	k := &spooledRequest{Spool: s, request: r, length: exchange.UnknownLength}
	if r.Environ.Get("CONTENT_LENGTH") != "" {
		var err error
		if k.length, err = exchange.BodyLength(r); err != nil {
			return nil, err
		}
	}
	known := k.length != exchange.UnknownLength
	switch most := s.maxBody(); {
	case most > 0 && k.length > most:
		return nil, &gateway.BodyTooLargeError{Limit: most}
	case known && !s.Buffer:
		return s.Backend.RoundTrip(r)
	case !known && s.Stream && !s.Buffer:
		return k.streamBody(share)
	}
	return k.bufferBody(r.Stdin, share)
}

func (s *Spool) budget() *exchange.Budget {
	if s.Budget == nil {
		return &s.own
	}
	return s.Budget
}

func (s *Spool) maxBody() int64 {
	if s.Buffer {
		return cmp.Or(s.MaxBodyBytes, defaultMaxBody)
	}
	return s.MaxBodyBytes
}

func (s *Spool) bounded(r io.Reader) io.Reader {
	most := s.maxBody()
	if most <= 0 {
		return r
	}
	return &boundedReader{r: r, left: most, limit: most}
}

// boundedReader returns an error in place of the first byte above the limit.
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
