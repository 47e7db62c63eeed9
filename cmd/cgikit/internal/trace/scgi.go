package trace

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// maxSCGIHead bounds what is kept of the variables of a request.
const maxSCGIHead = 256 << 10

// scgiDecoder decodes the one exchange of an SCGI connection.
type scgiDecoder struct {
	conn   int
	sink   Sink
	r      request
	head   []byte // the netstring, until it is complete
	inBody bool
	bad    bool
	closed bool
}

func newSCGI(conn int, sink Sink) *scgiDecoder {
	return &scgiDecoder{conn: conn, sink: sink, r: request{length: -1}}
}

func (s *scgiDecoder) event(d Direction, kind string, data []byte, at time.Duration) *Event {
	return &Event{At: at, Conn: s.conn, Direction: d, Kind: kind, Length: len(data), Content: data, Whole: true, Raw: data}
}

// feed implements decoder.
func (s *scgiDecoder) feed(d Direction, data []byte, at time.Duration) {
	switch {
	case d == ToServer:
		s.response(data, at)
	case s.inBody:
		s.body(data, at)
	case !s.bad:
		s.readHead(data, at)
	}
}

// readHead collects the netstring, and reports it when it is complete.
func (s *scgiDecoder) readHead(data []byte, at time.Duration) {
	if len(s.head) == 0 {
		s.r.Began = at
	}
	s.head = append(s.head, data...)
	digits, rest, found := bytes.Cut(s.head, []byte(":"))
	size, err := strconv.ParseUint(string(digits), 10, 31)
	switch {
	case len(digits) > 10, found && err != nil, found && size > maxSCGIHead:
		s.bad = true
		e := s.event(ToApp, "not SCGI", s.head, at)
		e.Note = "begins with " + quoteCut(string(s.head), 16) + "; the rest of this direction is not decoded"
		e.broken("S1", "the request does not begin with a netstring, or that is too long")
		s.sink.Event(e)
	case found && uint64(len(rest)) > size:
		s.variablesComplete(digits, rest[:size], rest[size], at)
		s.inBody = true
		if body := rest[size+1:]; len(body) > 0 {
			s.body(body, at)
		}
	}
}

func (s *scgiDecoder) variablesComplete(digits, block []byte, comma byte, at time.Duration) {
	e := s.event(ToApp, "head", block, at)
	e.Raw = s.head[:len(digits)+len(block)+2]
	for i, text := 0, string(block); text != ""; i++ {
		name, rest, ok := strings.Cut(text, "\x00")
		value, after, ok2 := strings.Cut(rest, "\x00")
		if !ok || !ok2 {
			e.broken("S2", "a name or value does not end in NUL")
			break
		}
		if i == 0 && name != "CONTENT_LENGTH" {
			e.broken("S4", "CONTENT_LENGTH is not first")
		}
		s.r.names++
		s.r.variable(name, value)
		e.Variables = append(e.Variables, Variable{name, value})
		text = after
	}
	if comma != ',' {
		e.broken("S1", "no comma follows the netstring")
	}
	if len(digits) > 1 && digits[0] == '0' {
		e.broken("S1", "the length of the netstring begins with a zero")
	}
	e.Note = requestLine(s.r.Method, s.r.URI) + "  " + Plural(s.r.names, "variable")
	s.sink.Event(e)
}

func (s *scgiDecoder) body(data []byte, at time.Duration) {
	e := s.event(ToApp, "body", data, at)
	s.r.Sent += int64(len(data))
	if s.r.length >= 0 && s.r.Sent > s.r.length {
		e.broken("S6", "the body is longer than CONTENT_LENGTH")
	}
	s.sink.Event(e)
}

func (s *scgiDecoder) response(data []byte, at time.Duration) {
	e := s.event(ToServer, "response", data, at)
	s.r.addOutput(e, data)
	e.Broken = nil // that the variables are not complete is no rule of SCGI
	s.sink.Event(e)
}

// close implements decoder. The application ends the exchange by closing the connection (SCGI
// section 4).
func (s *scgiDecoder) close(d Direction, err error, at time.Duration) {
	if s.closed || d == ToApp && err == nil {
		return
	}
	s.closed = true
	e := s.event(d, "closed", nil, at)
	e.Note = closeNote(err)
	s.r.Whole = at - s.r.Began
	s.r.CutOff = d == ToApp || err != nil || s.r.Got == 0
	if s.inBody {
		e.Ended = []*Exchange{&s.r.Exchange}
	}
	if s.inBody && s.r.Got == 0 && e.Note == "" {
		e.Note = "no answer"
	}
	s.sink.Event(e)
}

// idle implements decoder: a connection has one exchange, from its first byte to its end.
func (s *scgiDecoder) idle() bool { return s.closed || len(s.head) == 0 }
