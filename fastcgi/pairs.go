package fastcgi

import (
	"encoding/binary"
	"errors"

	"github.com/cgikit/cgikit/util"
)

// longLength marks a length of four bytes; a length below it fits one (FastCGI section 3.4).
const longLength = 0x80

// AppendPair appends a name-value pair, the form of PARAMS and of GET_VALUES. Lengths are of one byte where they fit one. Name and
// value must be shorter than 2 GiB.
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

// CutPair takes the first pair off data, which must be the whole of a stream: pairs pay no heed to records. Name and value share
// data's memory; both may be empty. A pair that does not fit in data is a [*ProtocolError].
func CutPair(data string) (name, value, rest string, err error) {
	nameLength, rest, ok := cutLength(data)
	if !ok {
		return "", "", "", protocolError("pair without a name length: %.64q", data)
	}
	valueLength, rest, ok := cutLength(rest)
	if !ok {
		return "", "", "", protocolError("pair without a value length: %.64q", data)
	}
	// Two lengths of 31 bits overflow an int of 32 (CVE-2025-23016 in libfcgi).
	if nameLength+valueLength > int64(len(rest)) {
		return "", "", "", protocolError("pair of %d and %d bytes, where %d are left: %.64q", nameLength, valueLength, len(rest), data)
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

// errTooManyParams is decodeParams' error for a well-formed environ that is too long.
var errTooManyParams = errors.New("fastcgi: more variables than MaxParams")

// decodeParams decodes a whole PARAMS stream. most bounds the number of pairs; negative is no bound. Names and values share one
// copy of raw.
func decodeParams(raw []byte, most int) (*util.Environ, error) {
	e := util.NewEnviron()
	for data := string(raw); data != ""; {
		name, value, rest, err := CutPair(data)
		switch {
		case err != nil:
			return nil, err
		case most >= 0 && e.Len() >= most:
			return nil, errTooManyParams
		}
		e.Add(name, value)
		data = rest
	}
	return e, nil
}

// answerValues returns the content of the answer to GET_VALUES: of what was asked, what is known, each name once (FastCGI section
// 4.1).
func answerValues(query []byte, known func(name string) (value string, ok bool)) ([]byte, error) {
	asked, err := decodeParams(query, -1)
	if err != nil {
		return nil, err
	}
	var answer []byte
	done := make(map[string]bool)
	for name := range asked.All() {
		value, ok := known(name)
		if ok && !done[name] {
			done[name] = true
			answer = AppendPair(answer, name, value)
		}
	}
	return answer, nil
}
