package client

import (
	"encoding/binary"
	"io"
	"sync"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/util"
)

// message is the part of a request that is sent in one write: everything except a body that is sent
// while the response is read.
type message struct {
	b    []byte
	role wire.Role
}

var messages = sync.Pool{New: func() any { return &message{b: make([]byte, 0, 4<<10)} }}

// release returns the memory to the pool, unless the request was unusually large.
func (m *message) release() {
	const most = 256 << 10
	if cap(m.b) <= most {
		messages.Put(m)
	}
}

// encode encodes the request, including a body in memory. address fills in the two values that
// depend on the connection.
func (m *message) encode(role wire.Role, e *util.Environ, body *body) error {
	const id = 0
	m.role = role
	m.b = wire.AppendBeginRequest(m.b[:0], id, wire.BeginRequest{Role: role})
	m.b = appendParams(m.b, id, e, role)
	if body.streamed() {
		return nil
	}
	if body.length > 0 {
		m.b = wire.AppendPadded(m.b, wire.TypeStdin, id, nil, 0)
		start := len(m.b)
		m.b = append(m.b, make([]byte, body.length)...)
		if _, err := io.ReadFull(body.r, m.b[start:]); err != nil {
			return bodyError(err)
		}
		m.b = wire.CloseRecord(m.b, start-wire.HeaderSize)
	}
	m.b = wire.AppendRecord(m.b, wire.TypeStdin, id, nil)
	return nil
}

// address writes the id of the request into its records, and FCGI_KEEP_CONN into the first.
func (m *message) address(id uint16, keep bool) {
	// overwrites BEGIN_REQUEST, which has the same length
	wire.AppendBeginRequest(m.b[:0], id, wire.BeginRequest{Role: m.role, KeepConn: keep})
	for b := m.b; len(b) > 0; {
		binary.BigEndian.PutUint16(b[2:], id)
		b = b[wire.HeaderSize+int(binary.BigEndian.Uint16(b[4:]))+int(b[6]):]
	}
}

// appendParams appends the complete PARAMS stream. A pair that fits in one record is not split,
// because php-fpm cannot read a pair that continues in another record.
func appendParams(dst []byte, id uint16, e *util.Environ, role wire.Role) []byte {
	start := len(dst)
	dst = wire.AppendPadded(dst, wire.TypeParams, id, nil, 0)
	for name, value := range e.All() {
		if role == wire.RoleAuthorizer && notForAuthorizers(name) {
			continue
		}
		pair := len(dst)
		dst = wire.AppendPair(dst, name, value)
		if len(dst)-start-wire.HeaderSize <= wire.AlignedContent {
			continue
		}
		dst = splitParams(dst, id, start, pair)
		start = len(dst)
		dst = wire.AppendPadded(dst, wire.TypeParams, id, nil, 0)
	}
	if len(dst) == start+wire.HeaderSize {
		return dst // an empty record ends the stream
	}
	dst = wire.CloseRecord(dst, start)
	return wire.AppendPadded(dst, wire.TypeParams, id, nil, 0)
}

// splitParams closes the record at start before the last pair, which does not fit in it, and
// appends that pair in records of its own.
func splitParams(dst []byte, id uint16, start, pair int) []byte {
	last := append([]byte(nil), dst[pair:]...)
	dst = dst[:pair]
	if pair == start+wire.HeaderSize {
		dst = dst[:start] // the record has no other pair
	} else {
		dst = wire.CloseRecord(dst, start)
	}
	for len(last) > wire.AlignedContent {
		dst = wire.AppendPadded(dst, wire.TypeParams, id, last[:wire.AlignedContent], 0)
		last = last[wire.AlignedContent:]
	}
	return wire.AppendRecord(dst, wire.TypeParams, id, last)
}

// notForAuthorizers reports whether FastCGI section 6.3 excludes the variable from a request to an
// authorizer.
func notForAuthorizers(name string) bool {
	switch name {
	case "CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME":
		return true
	}
	return false
}
