package exchange

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// UnknownLength is the length of a body whose length is not known before it was read.
const UnknownLength = -1

// BodyLength returns the length of the body of r, in bytes: CONTENT_LENGTH, or else
// r.ContentLength, or else the size of a Stdin in memory. It is 0 if r has no body, and
// UnknownLength if the length is not known before the body was read. BodyLength reads nothing.
//
// The error is a [*gateway.RequestError] if CONTENT_LENGTH is not a number of at most 63 bits, or
// not zero in a request without a body.
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

// InMemory reports whether all of r is in this process, so that a Read does not wait for a peer,
// and how many bytes r has. It recognises *bytes.Buffer, *bytes.Reader and *strings.Reader, as
// http.NewRequest does, and [*Spool].
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

// KnownLength is BodyLength for a protocol that sends the length before the body. If the length is
// unknown, KnownLength reads one byte of Stdin. At io.EOF the length is 0: a server with a stream
// for every request has an empty one for a GET. After a byte the error is
// [gateway.ErrLengthRequired], and after a failed Read a [*gateway.BodyError].
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
