package host

import (
	"cmp"
	"io"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/internal/accept"
)

// Spool is the gateway.Backend that has a request body complete before another Backend is asked. A
// body of unknown length is given a CONTENT_LENGTH in this way: CGI and SCGI put it before the body
// (RFC 3875 section 4.1.2), and many FastCGI applications, php-fpm among them, take a body without
// it for none. A body of known length passes as it comes, unless Buffer is set.
//
// The body waits in memory, and above MemoryBytes in a temporary file without a name, which only
// this process can read and which is gone when the process is. The Budget bounds what waits.
//
// A Spool is safe for concurrent use. Its fields must not change while it is used, and it must not
// be copied after that.
type Spool struct {
	// Backend gets the request, with CONTENT_LENGTH set where there is a body. It must be set.
	Backend gateway.Backend

	// Buffer keeps a body of known length too, so that a client that is slow to send it does not
	// occupy the Backend. Where there is no room for it in the Budget, the body goes to the Backend
	// as it comes, which is logged by Request.Warn, but not more than once a minute.
	Buffer bool

	// MaxBodyBytes bounds the body, in bytes: a larger one is a [*gateway.BodyTooLargeError], which
	// is a 413. Zero is 1 GiB with Buffer and otherwise no bound but the Budget. Negative is no
	// bound but the Budget.
	MaxBodyBytes int64

	// Budget bounds what waits. A body of unknown length that is larger than the quarter of it that
	// one request may use is a [*gateway.BodyTooLargeError]; where other requests have left no room
	// for it, it is a [*gateway.ServerError] of 503. Nil is a Budget of the Spool's own, with the
	// default sizes.
	Budget *exchange.Budget

	// MemoryBytes bounds what of a body is kept in memory, in bytes. Zero is 256 KiB; negative is
	// nothing.
	MemoryBytes int

	// Dir is the folder of the temporary files. Empty means that of the Budget.
	Dir string

	// Stream first offers a body of unknown length to the Backend as it comes. One that returns
	// gateway.ErrLengthRequired, having read not more than a few bytes, gets it complete. It has no
	// effect with Buffer.
	Stream bool

	own            exchange.Budget
	noRoom, noFile accept.Notice
}

// defaultMaxBody is what one request may have in files by the default Budget.
const defaultMaxBody = 1 << 30

// RoundTrip implements gateway.Backend. A temporary file that cannot be made or written is a
// [*exchange.SpoolError], and a client that does not send its body the error of r.Stdin.
func (s *Spool) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	return s.roundTrip(r, s.budget().NewShare())
}

// roundTrip is RoundTrip with the body in that share.
func (s *Spool) roundTrip(r *gateway.Request, share *exchange.Share) (*gateway.Response, error) {
	if r.Stdin == nil || r.Stdin == gateway.NoBody {
		return s.Backend.RoundTrip(r)
	}
	k := &keeping{Spool: s, request: r, length: exchange.UnknownLength}
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
		return k.offer(share)
	}
	return k.complete(r.Stdin, share)
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
