package check

import (
	"errors"
	"io"
	"os"
	"strconv"
)

// block is the content of the netstring of a request: CONTENT_LENGTH, SCGI, and the others.
func block(q request) []byte {
	vars := []Variable{{"CONTENT_LENGTH", strconv.Itoa(len(q.body))}, {"SCGI", "1"}}
	for _, v := range q.vars {
		vars = replace(vars, v)
	}
	return nulPairs(vars)
}

func nulPairs(vars []Variable) (b []byte) {
	for _, v := range vars {
		b = append(b, v.Name+"\x00"+v.Value+"\x00"...)
	}
	return b
}

func netstring(b []byte) []byte {
	return append(append(strconv.AppendInt(nil, int64(len(b)), 10), ':'), string(b)+","...)
}

// readAll reads to the end of the connection.
func (c *conn) readAll() ([]byte, error) {
	b, err := io.ReadAll(c)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && len(b) == 0:
		return b, late("nothing came in %v", c.p.run.timeout())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return b, broken("the connection is still open after %v and %d bytes", c.p.run.timeout(), len(b))
	case errors.Is(err, errEndless):
		return b, err
	case err != nil:
		return b, broken("the connection broke after %d bytes: %v", len(b), cause(err))
	}
	return b, nil
}

// fetchSCGI sends a request on a connection of its own.
func (p *probe) fetchSCGI(q request) ([]byte, error) {
	return p.fetchRaw(append(netstring(block(q)), q.body...))
}

// fetchRaw sends bytes beside the reading, and returns all that comes.
func (p *probe) fetchRaw(b []byte) ([]byte, error) {
	c, err := p.dial()
	if err != nil {
		return nil, err
	}
	done := c.sendBeside(b)
	raw, err := c.readAll()
	c.Close()
	<-done
	return raw, err
}

// wantRefused sends what is not a valid request. The target must answer by an error or close the
// connection, without waiting for more.
func (p *probe) wantRefused(b []byte) error {
	raw, err := p.fetchRaw(b)
	if p.ctx.Err() != nil || errors.Is(err, errEndless) {
		return err
	}
	if len(raw) == 0 {
		return p.alive()
	}
	r, err := parseResponse(raw)
	if err == nil && r.status() < 400 {
		return broken("it is answered by status %d", r.status())
	}
	return p.alive()
}
