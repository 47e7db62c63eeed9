package scgi

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// The wire format of a request (SCGI sections 3 and 4): a netstring whose content is pairs of name
// NUL value NUL, and then as many bytes of body as CONTENT_LENGTH says. These functions know bytes
// only, and no connection.

// ProtocolError is a request that is not SCGI, or larger than the server takes.
type ProtocolError struct {
	Reason string // what is wrong, after the words "bad request: "
	Offset int64  // where: bytes from the start of the connection
	Input  string // what stands there, cut to 32 bytes
	// the limit that was exceeded, in bytes or variables; 0 for a request that is malformed
	Limit int64
}

// Error tells it for a log: bad input is quoted and cut.
func (e *ProtocolError) Error() string {
	if e.Limit > 0 {
		return fmt.Sprintf("scgi: bad request: %s: more than %d", e.Reason, e.Limit)
	}
	return fmt.Sprintf("scgi: bad request: %s at byte %d: %q", e.Reason, e.Offset, e.Input)
}

func malformed(reason string, offset int, input string) error {
	return &ProtocolError{Reason: reason, Offset: int64(offset), Input: input[:min(len(input), 32)]}
}

// limits bound a request's head. Zero and negative are no limit.
type limits struct {
	block  int64 // bytes between the netstring's colon and comma
	params int64 // variables
}

// maxDigits is the length of the largest int64. More digits in front of a colon are nobody's
// length.
const maxDigits = 19

// netstringSize reads the length that b begins with. It returns the index of the header block
// behind the colon, and the block's size; a start of zero says that b ends before the colon.
func netstringSize(b []byte, max int64) (start int, size int64, err error) {
	for i, c := range b {
		switch {
		case c == ':' && i > 0:
			return i + 1, size, nil
		case c < '0' || c > '9':
			return 0, 0, malformed("netstring length is not a number", i, string(b[i:i+1]))
		case i == 1 && b[0] == '0':
			return 0, 0, malformed("netstring length begins with a zero", 0, string(b[:2]))
		case i == maxDigits || size > (1<<62)/10:
			return 0, 0, malformed("netstring length is too large", 0, string(b[:i+1]))
		}
		size = 10*size + int64(c-'0')
		if max > 0 && size > max {
			return 0, 0, &ProtocolError{Reason: "bytes of variables", Input: string(b[:i+1]), Limit: max}
		}
	}
	return 0, 0, nil
}

// decodeBlock decodes a header block, which stood at offset. The strings of the Environ share one
// copy of block.
//
// Refused is what leaves it open where a name or value ends, a block that does not begin with
// CONTENT_LENGTH, and one without SCGI=1. An empty name, a malformed CONTENT_LENGTH and a second
// one that differs are not: the environ rules of package gateway answer those 400 on every
// transport.
func decodeBlock(block []byte, offset int, max int64) (*util.Environ, error) {
	nuls := bytes.Count(block, []byte{0})
	switch {
	case len(block) == 0 || block[len(block)-1] != 0:
		return nil, malformed("last value does not end in NUL", offset+len(block), "")
	case nuls%2 != 0:
		return nil, malformed("name without a value", offset+len(block), "")
	case max > 0 && int64(nuls/2) > max:
		return nil, &ProtocolError{Reason: "variables", Offset: int64(offset), Limit: max}
	}
	e := util.NewEnviron()
	e.Grow(nuls / 2)
	version := ""
	for text := string(block); text != ""; {
		var name, value string
		name, text, _ = strings.Cut(text, "\x00")
		value, text, _ = strings.Cut(text, "\x00")
		if name == "SCGI" {
			version = value
		}
		if e.Len() == 0 && name != "CONTENT_LENGTH" {
			return nil, malformed("first variable is not CONTENT_LENGTH", offset, name)
		}
		e.Add(name, value)
	}
	if version != "1" {
		return nil, malformed("SCGI is not 1", offset, version)
	}
	return e, nil
}

// firstLength is the CONTENT_LENGTH that the block begins with (SCGI section 3): how many bytes
// follow it, whatever the other variables say. A malformed one is zero: no App gets to see that
// request.
func firstLength(e *util.Environ) int64 {
	n, err := strconv.ParseUint(firstValue(e), 10, 63)
	if err != nil {
		return 0
	}
	return int64(n)
}

func firstValue(e *util.Environ) string {
	for _, value := range e.All() {
		return value
	}
	return ""
}

// appendHead appends the netstring that asks for e with a body of length bytes. CONTENT_LENGTH and
// SCGI come first; those in e are left out. A NUL in a name or value cannot be said in SCGI and
// gives a [*gateway.RequestError].
func appendHead(dst []byte, e *util.Environ, length int64) ([]byte, error) {
	// The block is encoded behind a gap, and its length then written at the end of the gap: a sum
	// made beforehand could differ from what is written.
	const gap = maxDigits + len(":")
	begin := len(dst)
	dst = append(dst, make([]byte, gap)...)
	dst = append(dst, "CONTENT_LENGTH\x00"...)
	dst = strconv.AppendInt(dst, length, 10)
	dst = append(dst, "\x00SCGI\x001\x00"...)
	for name, value := range e.All() {
		if name == "CONTENT_LENGTH" || name == "SCGI" {
			continue
		}
		if strings.IndexByte(name, 0) >= 0 || strings.IndexByte(value, 0) >= 0 {
			return dst[:begin], &gateway.RequestError{Reason: "variable holds a NUL", Input: name[:min(len(name), 64)]}
		}
		dst = append(append(dst, name...), 0)
		dst = append(append(dst, value...), 0)
	}
	var digits [gap]byte
	size := append(strconv.AppendInt(digits[:0], int64(len(dst)-begin-gap), 10), ':')
	copy(dst[begin+gap-len(size):], size)
	unused := gap - len(size)
	return append(append(dst[:begin], dst[begin+unused:]...), ','), nil
}
