package check

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// Parts of a FastCGI request, as bytes.

func beginRecord(id uint16, role wire.Role, keep bool) []byte {
	return wire.AppendBeginRequest(nil, id, wire.BeginRequest{Role: role, KeepConn: keep})
}

// pairs is the content of the PARAMS stream.
func pairs(vars []Variable) (b []byte) {
	for _, v := range vars {
		b = wire.AppendPair(b, v.Name, v.Value)
	}
	return b
}

// stream is a whole stream: its records and the empty one.
func stream(t wire.RecordType, id uint16, content []byte) []byte {
	var b []byte
	if len(content) > 0 {
		b = wire.AppendRecord(b, t, id, content)
	}
	return wire.AppendRecord(b, t, id, nil)
}

// message is a whole request.
func message(id uint16, keep bool, q request) []byte {
	b := beginRecord(id, wire.RoleResponder, keep)
	b = append(b, stream(wire.TypeParams, id, pairs(q.vars))...)
	return append(b, stream(wire.TypeStdin, id, q.body)...)
}

// record is one that arrived.
type record struct {
	wire.Header
	reserved         byte
	content, padding []byte
}

// record reads one. The error at the end of the connection between records is io.EOF.
func (c *conn) record() (record, error) {
	var head [wire.HeaderSize]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return record{}, err
	}
	h, err := wire.ParseHeader(head)
	if err != nil {
		return record{}, broken("what came is no record of version 1: % x", head)
	}
	b := make([]byte, h.ContentLength+h.PaddingLength)
	if n, err := io.ReadFull(c, b); err != nil {
		return record{}, broken("a record of %d bytes ends after %d: %v", len(b), n, err)
	}
	return record{h, head[7], b[:h.ContentLength], b[h.ContentLength:]}, nil
}

// answer is what came for one request up to its END_REQUEST.
type answer struct {
	records        []record
	stdout, stderr []byte
	end            wire.EndRequest
}

// answer reads to the END_REQUEST of the request with that id. Records of others are kept aside
// for its caller in others.
func (c *conn) answer(id uint16) (*answer, error) {
	a := &answer{}
	for {
		r, err := c.record()
		if err != nil {
			return a, c.describe(err, fmt.Sprintf("END_REQUEST of request %d", id))
		}
		a.records = append(a.records, r)
		switch {
		case r.ID != id:
			continue
		case r.Type == wire.TypeStdout:
			a.stdout = append(a.stdout, r.content...)
		case r.Type == wire.TypeStderr:
			a.stderr = append(a.stderr, r.content...)
		case r.Type == wire.TypeEndRequest:
			a.end, err = wire.ParseEndRequest(r.content)
			return a, err
		}
	}
}

// describe makes a sentence of the error of a read.
func (c *conn) describe(err error, waitedFor string) error {
	switch {
	case errors.As(err, new(*finding)), errors.Is(err, errEndless):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return late("%s did not come in %v", waitedFor, c.p.run.timeout())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return broken("the connection was closed before %s", waitedFor)
	}
	return broken("the connection broke before %s: %v", waitedFor, cause(err))
}

// answers checks an answer: complete, with the status of the plain request.
func (p *probe) wantAnswer(a *answer, err error) error {
	if err != nil {
		return err
	}
	if a.end.ProtocolStatus != wire.RequestComplete {
		return broken("END_REQUEST has the protocol status %v", a.end.ProtocolStatus)
	}
	return p.wantPlain(parseResponse(a.stdout))
}

// send opens a connection and sends bytes on it.
func (p *probe) send(parts ...[]byte) (*conn, error) {
	c, err := p.dial()
	if err == nil {
		c.send(parts...)
	}
	return c, err
}

// sendPlain sends bytes on a new connection and reads the answer to request id, which must be like
// that to the plain request.
func (p *probe) sendPlain(id uint16, parts ...[]byte) (*conn, error) {
	c, err := p.send(parts...)
	if err != nil {
		return nil, err
	}
	return c, p.wantAnswer(c.answer(id))
}

// plainMessage is the plain request.
func (p *probe) plainMessage(id uint16, keep bool) []byte {
	return message(id, keep, p.run.request(nil))
}

// fetchFastCGI sends a request on a connection of its own. A large body is sent beside the reading.
func (p *probe) fetchFastCGI(q request) (*answer, error) {
	c, err := p.dial()
	if err != nil {
		return nil, err
	}
	done := c.sendBeside(message(1, false, q))
	a, err := c.answer(1)
	c.Close()
	<-done
	if err == nil && a.end.ProtocolStatus != wire.RequestComplete {
		err = broken("END_REQUEST has the protocol status %v", a.end.ProtocolStatus)
	}
	return a, err
}
