package wire

import (
	"encoding/binary"
	"errors"

	"github.com/cgikit/cgikit/util"
)

// longLength marks a length that takes four bytes. A length below it takes one byte (FastCGI
// section 3.4).
const longLength = 0x80

// AppendPair appends a name-value pair, the encoding of PARAMS and of GET_VALUES. A length takes
// one byte if it fits, else four. Name and value must be shorter than 2 GiB.
func AppendPair(dst []byte, name, value string) []byte {
	dst = appendLength(dst, len(name))
	dst = appendLength(dst, len(value))
	dst = append(dst, name...)
	return append(dst, value...)
}

func appendLength(dst []byte, n int) []byte {
	if n < longLength {
		return append(dst, byte(n))
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n)|longLength<<24)
}

// CutPair decodes the first pair of data and returns what follows it. data must be the complete
// rest of a stream, because a pair may continue in the next record. Name and value share data's
// memory; both may be empty. A pair that is longer than data is a [*ProtocolError].
func CutPair(data string) (name, value, rest string, err error) {
	nameLength, rest, ok := cutLength(data)
	if !ok {
		return "", "", "", Errorf("pair without a name length: %.64q", data)
	}
	valueLength, rest, ok := cutLength(rest)
	if !ok {
		return "", "", "", Errorf("pair without a value length: %.64q", data)
	}
	// The sum of two 31-bit lengths overflows a 32-bit int (CVE-2025-23016 in libfcgi).
	if nameLength+valueLength > int64(len(rest)) {
		return "", "", "", Errorf("pair of %d and %d bytes, but only %d bytes are left: %.64q", nameLength, valueLength, len(rest), data)
	}
	name, rest = rest[:nameLength], rest[nameLength:]
	return name, rest[:valueLength], rest[valueLength:], nil
}

func cutLength(data string) (n int64, rest string, ok bool) {
	switch {
	case data == "":
		return 0, "", false
	case data[0] < longLength:
		return int64(data[0]), data[1:], true
	case len(data) < 4:
		return 0, "", false
	}
	return int64(data[0]&^longLength)<<24 | int64(data[1])<<16 | int64(data[2])<<8 | int64(data[3]), data[4:], true
}

// ErrTooManyPairs is returned by DecodePairs for valid data that has too many pairs.
var ErrTooManyPairs = errors.New("fastcgi: too many name-value pairs")

// DecodePairs decodes a complete stream. most bounds the number of pairs: more are an
// [ErrTooManyPairs]. Negative is no bound. Names and values share one copy of raw.
func DecodePairs(raw []byte, most int) (*util.Environ, error) {
	t := new(util.EnvironText)
	if err := DecodePairsInto(t, raw, most); err != nil {
		return nil, err
	}
	return t.Environ(), nil
}

// DecodePairsInto is DecodePairs with memory of the caller: t.Environ is the result. After an
// error, t must not be used.
func DecodePairsInto(t *util.EnvironText, raw []byte, most int) error {
	text := string(raw)
	t.Begin(text)
	for n, data := 0, text; data != ""; n++ {
		name, value, rest, err := CutPair(data)
		switch {
		case err != nil:
			return err
		case most >= 0 && n >= most:
			return ErrTooManyPairs
		}
		end := len(text) - len(rest)
		middle := end - len(value)
		t.Add(middle-len(name), middle, middle, end)
		data = rest
	}
	return nil
}
