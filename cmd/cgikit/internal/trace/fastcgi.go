package trace

import (
	"strconv"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// decoder makes events of the bytes of one connection. Its methods are called by one goroutine at a
// time, in the order in which the bytes were read.
type decoder interface {
	feed(d Direction, data []byte, at time.Duration)
	close(d Direction, err error, at time.Duration)
	idle() bool // no exchange is under way
}

// fastCGIDecoder decodes the records of one connection.
type fastCGIDecoder struct {
	conn            int
	sink            Sink
	toApp, toServer recordHalf
	requests        map[uint16]*request
	closed          bool

	now   Event        // used again for each record
	ended [1]*Exchange // of now
}

func newFastCGI(conn int, sink Sink) *fastCGIDecoder {
	return &fastCGIDecoder{conn: conn, sink: sink, requests: make(map[uint16]*request)}
}

// half returns the state of a direction.
func (f *fastCGIDecoder) half(d Direction) *recordHalf {
	if d == ToApp {
		return &f.toApp
	}
	return &f.toServer
}

// recordHalf collects the bytes of one direction until a record is complete.
type recordHalf struct {
	raw []byte // of the record under way
	bad bool   // the bytes are not records; what follows is not decoded
}

// recordSize returns how many bytes the record has that begins with raw. The other results are set
// if its header is complete.
func recordSize(raw []byte) (size int, header wire.Header, err error) {
	if len(raw) < wire.HeaderSize {
		return wire.HeaderSize, header, nil
	}
	header, err = wire.ParseHeader([wire.HeaderSize]byte(raw))
	return wire.HeaderSize + header.ContentLength + header.PaddingLength, header, err
}

// feed implements decoder.
func (f *fastCGIDecoder) feed(d Direction, data []byte, at time.Duration) {
	h := f.half(d)
	if len(h.raw) == 0 {
		data = f.feedWhole(d, data, at)
	}
	for len(data) > 0 && !h.bad {
		size, _, _ := recordSize(h.raw)
		n := min(size-len(h.raw), len(data))
		h.raw = append(h.raw, data[:n]...)
		data = data[n:]
		size, header, err := recordSize(h.raw)
		switch {
		case err != nil:
			h.bad = true
			f.notRecords(d, h.raw, at)
		case len(h.raw) == size:
			f.record(d, header, h.raw, at)
			h.raw = h.raw[:0]
		}
	}
}

// feedWhole reports the records that data begins with and that are complete in it, without a copy,
// and returns the rest.
func (f *fastCGIDecoder) feedWhole(d Direction, data []byte, at time.Duration) (rest []byte) {
	for len(data) >= wire.HeaderSize {
		size, header, err := recordSize(data)
		if err != nil || size > len(data) {
			break
		}
		f.record(d, header, data[:size:size], at)
		data = data[size:]
	}
	return data
}

// notRecords reports bytes that are no FastCGI.
func (f *fastCGIDecoder) notRecords(d Direction, raw []byte, at time.Duration) {
	e := f.event(d, "not FastCGI", at)
	e.Note = "begins with " + quoteCut(string(raw), wire.HeaderSize) + "; the rest of this direction is not decoded"
	if d == ToServer && raw[0] == 0xff {
		e.Note = "the application has broken the connection off on purpose, so that a response does not look complete"
	}
	e.Content, e.Raw, e.Length = raw, raw, len(raw)
	e.broken("F1", "a record does not have version 1")
	f.sink.Event(e)
}

func (f *fastCGIDecoder) event(d Direction, kind string, at time.Duration) *Event {
	f.now = Event{At: at, Conn: f.conn, Direction: d, Kind: kind, Variables: f.now.Variables[:0]}
	return &f.now
}

// record reports a complete record.
func (f *fastCGIDecoder) record(d Direction, h wire.Header, raw []byte, at time.Duration) {
	content := raw[wire.HeaderSize : wire.HeaderSize+h.ContentLength]
	e := f.event(d, typeName(h.Type), at)
	e.ID, e.HasID, e.Length, e.Content, e.Whole, e.Raw = h.ID, true, len(content), content, true, raw
	f.checkHeader(e, h, d)
	if h.ID == 0 {
		f.management(e, h.Type, content)
	} else {
		f.inRequest(e, h.Type, content)
	}
	f.sink.Event(e)
}

// typeName is the name of a record's type without FCGI_.
func typeName(t wire.RecordType) string {
	if int(t) < len(typeNames) && t > 0 {
		return typeNames[t]
	}
	return "type " + strconv.Itoa(int(t))
}

var typeNames = [...]string{"", "BEGIN_REQUEST", "ABORT_REQUEST", "END_REQUEST", "PARAMS", "STDIN", "STDOUT", "STDERR", "DATA",
	"GET_VALUES", "GET_VALUES_RESULT", "UNKNOWN_TYPE"}

// close implements decoder.
func (f *fastCGIDecoder) close(d Direction, err error, at time.Duration) {
	if h := f.half(d); len(h.raw) > 0 && !h.bad {
		e := f.event(d, "incomplete record", at)
		e.Length, e.Content, e.Raw = len(h.raw), h.raw, h.raw
		e.Note = "the connection ended within it"
		f.sink.Event(e)
	}
	if d == ToApp && err == nil {
		return // the web server has sent everything; the application may still answer
	}
	if f.closed {
		return
	}
	f.closed = true
	e := f.event(d, "closed", at)
	e.Note = closeNote(err)
	f.cutOff(e, at)
	f.sink.Event(e)
}

// idle implements decoder.
func (f *fastCGIDecoder) idle() bool {
	return len(f.requests) == 0 && len(f.toApp.raw) == 0 && len(f.toServer.raw) == 0
}
