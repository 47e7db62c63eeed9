package load

import (
	"encoding/binary"
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/load"
	"github.com/cgikit/cgikit/fastcgi/wire"
)

// FastCGI returns a load of one request again and again: over kept connections, or with keep
// false over one of its own each time.
func FastCGI(network, addr string, request []byte, keep bool) Load {
	return Load{
		Network:   network,
		Addr:      addr,
		Request:   request,
		Decoder:   func() load.Decoder { return load.NewFastCGI(1) },
		Reconnect: !keep,
	}
}

// FastCGIStreams returns a load that has so many requests without a body under way on each
// connection at the same time.
func FastCGIStreams(network, addr string, streams int) Load {
	l := FastCGI(network, addr, AppendGet(nil, 1, true), true)
	for id := 2; id <= streams; id++ {
		l.More = append(l.More, AppendGet(nil, uint16(id), true))
	}
	l.Decoder = func() load.Decoder { return load.NewFastCGI(streams) }
	return l
}

// AppendHead appends a request of a responder up to the end of its variables, which are nginx's
// with those of set in the place of its own. keep asks the server to keep the connection.
func AppendHead(dst []byte, id uint16, set map[string]string, keep bool) []byte {
	return AppendVariables(dst, id, Variables(set), keep)
}

// AppendVariables appends a request of a responder up to the end of its variables, of which one
// record must have room for all.
func AppendVariables(dst []byte, id uint16, all [][2]string, keep bool) []byte {
	dst = wire.AppendBeginRequest(dst, id, wire.BeginRequest{Role: 1, KeepConn: keep})
	var pairs []byte
	for _, v := range all {
		pairs = wire.AppendPair(pairs, v[0], v[1])
	}
	dst = wire.AppendRecord(dst, wire.TypeParams, id, pairs)
	return wire.AppendRecord(dst, wire.TypeParams, id, nil)
}

// AppendGet appends a whole request without a body.
func AppendGet(dst []byte, id uint16, keep bool) []byte {
	return wire.AppendRecord(AppendHead(dst, id, nil, keep), wire.TypeStdin, id, nil)
}

// AppendBody appends a body in records of at most 32 KiB, and its end.
func AppendBody(dst []byte, id uint16, body []byte) []byte {
	for len(body) > 0 {
		n := min(len(body), 32<<10)
		dst = wire.AppendRecord(dst, wire.TypeStdin, id, body[:n])
		body = body[n:]
	}
	return wire.AppendRecord(dst, wire.TypeStdin, id, nil)
}

// Records follows the records of a connection as their bytes come.
type Records struct {
	Body  int64 // bytes of STDOUT, heads among them
	Ended int   // requests

	head [8]byte
	have int // bytes of head
	left int // bytes of the record that are to come
}

// Take counts the next bytes.
func (r *Records) Take(p []byte) error {
	for len(p) > 0 {
		if r.left > 0 {
			n := min(r.left, len(p))
			r.left -= n
			p = p[n:]
			continue
		}
		n := copy(r.head[r.have:], p)
		p = p[n:]
		if r.have += n; r.have == len(r.head) {
			r.have = 0
			if err := r.begin(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Records) begin() error {
	length := int(binary.BigEndian.Uint16(r.head[4:]))
	r.left = length + int(r.head[6])
	switch {
	case r.head[0] != 1:
		return fmt.Errorf("the server broke the connection, with %q", r.head)
	case r.head[1] == byte(wire.TypeStdout):
		r.Body += int64(length)
	case r.head[1] == byte(wire.TypeEndRequest):
		r.Ended++
	}
	return nil
}

// Whole reports whether so many requests have ended and no record is under way.
func (r *Records) Whole(requests int) bool {
	return r.Ended == requests && r.left == 0 && r.have == 0
}
