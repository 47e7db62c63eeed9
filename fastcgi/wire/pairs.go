package wire

import (
	"encoding/binary"
	"errors"

	"github.com/cgikit/cgikit/util"
)

// longLength marks a length of four bytes; a length below it fits one (FastCGI section 3.4).
const longLength = 0x80

// AppendPair appends a name-value pair, the form of PARAMS and of GET_VALUES. Lengths are of one
// byte where they fit one. Name and value must be shorter than 2 GiB.
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

// CutPair takes the first pair off data, which must be the whole of a stream: pairs pay no heed to
// records. Name and value share data's memory; both may be empty. A pair that does not fit in data
// is a [*ProtocolError].
func CutPair(data string) (name, value, rest string, err error) {
	nameLength, rest, ok := cutLength(data)
	if !ok {
		return "", "", "", Errorf("pair without a name length: %.64q", data)
	}
	valueLength, rest, ok := cutLength(rest)
	if !ok {
		return "", "", "", Errorf("pair without a value length: %.64q", data)
	}
	// Two lengths of 31 bits overflow an int of 32 (CVE-2025-23016 in libfcgi).
	if nameLength+valueLength > int64(len(rest)) {
		return "", "", "", Errorf("pair of %d and %d bytes, where %d are left: %.64q", nameLength, valueLength, len(rest), data)
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

// ErrTooManyPairs is the error of DecodePairs for well-formed data that has too many pairs.
var ErrTooManyPairs = errors.New("fastcgi: too many name-value pairs")

// DecodePairs decodes the whole of a stream. most bounds the number of pairs, over which the error
// is [ErrTooManyPairs]; negative is no bound. Names and values share one copy of raw.
func DecodePairs(raw []byte, most int) (*util.Environ, error) {
	e := util.NewEnviron()
	for data := string(raw); data != ""; {
		name, value, rest, err := CutPair(data)
		switch {
		case err != nil:
			return nil, err
		case most >= 0 && e.Len() >= most:
			return nil, ErrTooManyPairs
		}
		e.Add(name, value)
		data = rest
	}
	return e, nil
}
