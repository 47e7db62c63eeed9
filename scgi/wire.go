package scgi

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// The wire format of a request (SCGI sections 3 and 4) is a netstring of pairs of name NUL value
// NUL, followed by a body of CONTENT_LENGTH bytes. These functions work on bytes and use no
// connection.

// ProtocolError is a request that is not SCGI, or that exceeds a limit of the server.
type ProtocolError struct {
	Reason string // what is wrong; Error writes it after "bad request: "
	Offset int64  // the position of the fault, in bytes from the start of the connection
	Input  string // the bytes at that position, cut to 32
	// the limit that was exceeded, in bytes or variables; 0 for a malformed request
	Limit int64
}

// Error returns the text for a log. Bad input in it is quoted and cut.
func (e *ProtocolError) Error() string {
	if e.Limit > 0 {
		return fmt.Sprintf("scgi: bad request: %s: more than %d", e.Reason, e.Limit)
	}
	return fmt.Sprintf("scgi: bad request: %s at byte %d: %q", e.Reason, e.Offset, e.Input)
}

func malformed(reason string, offset int, input string) error {
	return &ProtocolError{Reason: reason, Offset: int64(offset), Input: input[:min(len(input), 32)]}
}

// limits bound the head of a request. Zero and negative are no limit.
type limits struct {
	block  int64 // bytes between the netstring's colon and comma
	params int64 // variables
}

// maxDigits is the number of digits of the largest int64. A netstring length with more digits is
// invalid.
const maxDigits = 19

// netstringSize decodes the length at the start of b. It returns the size of the header block, and
// its start: the index after the colon. start is zero if b ends before the colon.
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

// decodeBlock decodes a header block that began at offset into t. The strings of the Environ share
// one copy of block.
//
// It returns an error if the ends of names and values are ambiguous, if the block does not begin
// with CONTENT_LENGTH, and if SCGI is not 1. An empty name, a malformed CONTENT_LENGTH and a
// second, different CONTENT_LENGTH are no errors here: the environ rules of package gateway answer
// them with 400 on every transport.
func decodeBlock(t *util.EnvironText, block []byte, offset int, max int64) (*util.Environ, error) {
	nuls := bytes.Count(block, []byte{0})
	switch {
	case len(block) == 0 || block[len(block)-1] != 0:
		return nil, malformed("last value does not end in NUL", offset+len(block), "")
	case nuls%2 != 0:
		return nil, malformed("name without a value", offset+len(block), "")
	case max > 0 && int64(nuls/2) > max:
		return nil, &ProtocolError{Reason: "variables", Offset: int64(offset), Limit: max}
	}
	text, version := string(block), ""
	t.Begin(text)
	for at := 0; at < len(text); {
		middle := at + strings.IndexByte(text[at:], 0)
		end := middle + 1 + strings.IndexByte(text[middle+1:], 0)
		switch name := text[at:middle]; {
		case at == 0 && name != "CONTENT_LENGTH":
			return nil, malformed("first variable is not CONTENT_LENGTH", offset, name)
		case name == "SCGI":
			version = text[middle+1 : end]
		}
		t.Add(at, middle, middle+1, end)
		at = end + 1
	}
	if version != "1" {
		return nil, malformed("SCGI is not 1", offset, version)
	}
	return t.Environ(), nil
}

// firstLength returns the CONTENT_LENGTH with which the block begins (SCGI section 3): the number
// of bytes that follow the netstring, whatever the other variables say. It returns zero for a
// malformed one: such a request is refused without the App.
func firstLength(e *util.Environ) int64 {
	n, err := strconv.ParseUint(firstValue(e), 10, 63)
	if err != nil {
		return 0
	}
	return int64(n)
}

// firstValue returns the value of the first variable.
func firstValue(e *util.Environ) string {
	for _, value := range e.All() {
		return value
	}
	return ""
}

// appendHead appends the netstring of a request with environ e and a body of length bytes.
// CONTENT_LENGTH and SCGI come first; those in e are left out. SCGI cannot encode a NUL in a name
// or value: it is a [*gateway.RequestError].
func appendHead(dst []byte, e *util.Environ, length int64) ([]byte, error) {
	// The block is encoded after a gap, and its length is then written at the end of the gap. A
	// length computed before could differ from what is encoded.
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
			return dst[:begin], &gateway.RequestError{Reason: "variable contains a NUL", Input: name[:min(len(name), 64)]}
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
