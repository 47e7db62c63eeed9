package exchange

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// UnknownLength is the length of a body whose end only its reader will tell.
const UnknownLength = -1

// BodyLength returns the length of the body of r, in bytes: what CONTENT_LENGTH declares, or else
// r.ContentLength, or else what a Stdin in memory holds. It is 0 where r has no body and
// UnknownLength where the length cannot be known before the body is read. It reads nothing.
//
// A CONTENT_LENGTH that is not a number of at most 63 bits, and one that is not zero in a request
// without a body, is a [*gateway.RequestError].
func BodyLength(r *gateway.Request) (int64, error) {
	declared, empty := r.Environ.Get("CONTENT_LENGTH"), r.Stdin == nil || r.Stdin == gateway.NoBody
	if declared != "" {
		n, err := strconv.ParseUint(declared, 10, 63)
		if err != nil || n > 0 && empty {
			return 0, &gateway.RequestError{Reason: "malformed CONTENT_LENGTH", Input: declared[:min(len(declared), 64)]}
		}
		return int64(n), nil
	}
	if empty {
		return 0, nil
	}
	if r.ContentLength > 0 {
		return r.ContentLength, nil
	}
	if n, ok := InMemory(r.Stdin); ok {
		return n, nil
	}
	return UnknownLength, nil
}

// InMemory reports whether all of r is in this process, so that reading it does not wait for a
// peer, and how many bytes it holds. It knows the readers that http.NewRequest knows,
// *bytes.Buffer, *bytes.Reader and *strings.Reader, and [*Spool].
func InMemory(r io.Reader) (n int64, ok bool) {
	switch r := r.(type) {
	case *bytes.Buffer:
		return int64(r.Len()), true
	case *bytes.Reader:
		return int64(r.Len()), true
	case *strings.Reader:
		return int64(r.Len()), true
	case *Spool:
		return r.Len(), true
	}
	return 0, false
}

// KnownLength is BodyLength for a protocol that must know the length first. Where it is unknown it
// reads one byte of Stdin: at the end the length is 0, since a server that has a stream for every
// request sends an empty one with a GET. Otherwise the error is [gateway.ErrLengthRequired], or a
// [*gateway.BodyError].
func KnownLength(r *gateway.Request) (int64, error) {
	length, err := BodyLength(r)
	if err != nil || length != UnknownLength {
		return length, err
	}
	n, err := io.ReadFull(r.Stdin, make([]byte, 1))
	switch {
	case n > 0:
		return 0, gateway.ErrLengthRequired
	case err != io.EOF:
		return 0, &gateway.BodyError{Err: err}
	}
	return 0, nil
}
