package scgi

import "github.com/cgikit/cgikit/util"

// headReader is a transport.Exchange whose request has begun.
type headReader interface {
	Fill() ([]byte, error)
	BeginBody(size int, length int64)
}

// readHead reads the netstring and returns the variables, which it keeps in t. Memory grows with
// the bytes that arrive, not with the declared length.
func readHead(x headReader, t *util.EnvironText, lim limits) (*util.Environ, error) {
	var b []byte
	start, size := 0, int64(0)
	for start == 0 || int64(len(b)-start) <= size {
		var err error
		if b, err = x.Fill(); err != nil {
			return nil, err
		}
		if start > 0 {
			continue
		}
		if start, size, err = netstringSize(b, lim.block); err != nil {
			return nil, err
		}
	}
	comma := start + int(size)
	if b[comma] != ',' {
		return nil, malformed("netstring does not end in a comma", comma, string(b[comma:comma+1]))
	}
	e, err := decodeBlock(t, b[start:comma], start, lim.params)
	if err != nil {
		return nil, err
	}
	x.BeginBody(comma+1, firstLength(e))
	return e, nil
}
