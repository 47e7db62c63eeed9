package load

import (
	"encoding/binary"
	"fmt"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// FastCGI is the Decoder of FastCGI.
type FastCGI struct {
	noBody  bool
	header  [wire.HeaderSize]byte
	have    int // bytes of header
	left    int // bytes of the content that are to come
	padding int
	end     [8]byte // of the END_REQUEST under way
	endHave int
	streams []cgiAnswer
	last    lastHead
}

// NewFastCGI returns a decoder for so many requests at the same time, with the ids from 1.
func NewFastCGI(streams int) *FastCGI { return &FastCGI{streams: make([]cgiAnswer, streams)} }

// NewFastCGIHead is NewFastCGI for requests of the method HEAD, whose answers have no body.
func NewFastCGIHead(streams int) *FastCGI {
	d := NewFastCGI(streams)
	d.noBody = true
	return d
}

// Reset implements Decoder.
func (d *FastCGI) Reset() {
	d.have, d.left, d.padding = 0, 0, 0
	for i := range d.streams {
		d.streams[i].reset()
	}
}

// Decode implements Decoder.
func (d *FastCGI) Decode(p []byte, r Receiver) error {
	for len(p) > 0 {
		switch {
		case d.have < len(d.header):
			n := copy(d.header[d.have:], p)
			d.have += n
			p = p[n:]
			if d.have < len(d.header) {
				return nil
			}
			if err := d.begin(r); err != nil {
				return err
			}
		case d.left > 0:
			n := min(d.left, len(p))
			d.left -= n
			if err := d.decodeContent(p[:n]); err != nil {
				return err
			}
			p = p[n:]
		default:
			n := min(d.padding, len(p))
			d.padding -= n
			p = p[n:]
		}
		d.finishRecord(r)
	}
	return nil
}

func (d *FastCGI) recordType() wire.RecordType { return wire.RecordType(d.header[1]) }

// stream is the number of the record's stream; -1 for a record of the connection.
func (d *FastCGI) stream() int { return int(binary.BigEndian.Uint16(d.header[2:])) - 1 }

// begin checks the header of a record.
func (d *FastCGI) begin(r Receiver) error {
	t, i := d.recordType(), d.stream()
	d.left, d.padding, d.endHave = int(binary.BigEndian.Uint16(d.header[4:])), int(d.header[6]), 0
	switch {
	case d.header[0] != 1 || t < wire.TypeBeginRequest || t > wire.TypeUnknownType:
		return newBroken(KindFastCGI, d.header[:])
	case i < 0:
		return nil
	case i >= len(d.streams) || !r.ReceiveFirst(i):
		return newBroken(KindSurprise, nil)
	case t == wire.TypeEndRequest && d.left < 8:
		return newBroken(KindFastCGI, d.header[:])
	}
	return nil
}

func (d *FastCGI) decodeContent(p []byte) error {
	if i := d.stream(); i >= 0 {
		switch d.recordType() {
		case wire.TypeStdout:
			return d.streams[i].write(p, &d.last)
		case wire.TypeEndRequest:
			d.endHave += copy(d.end[d.endHave:], p)
		}
	}
	return nil
}

// finishRecord does what the end of a record means, if it has come.
func (d *FastCGI) finishRecord(r Receiver) {
	if d.have < len(d.header) || d.left > 0 || d.padding > 0 {
		return
	}
	d.have = 0
	i := d.stream()
	if i < 0 || d.recordType() != wire.TypeEndRequest {
		return
	}
	s := &d.streams[i]
	kind := s.check(d.noBody)
	if protocol := wire.ProtocolStatus(d.end[4]); protocol != wire.RequestComplete {
		kind = fmt.Sprint("refused: ", protocol)
	} else if !s.begun {
		kind = KindHead
	}
	a := Answer{Status: s.head.status, AppStatus: binary.BigEndian.Uint32(d.end[:4]), Size: s.size}
	s.reset()
	if kind != "" {
		r.ReceiveError(i, kind)
	} else {
		r.ReceiveAnswer(i, a)
	}
}

// Finish implements Decoder.
func (d *FastCGI) Finish(Receiver) error {
	if d.have > 0 {
		return newBroken(KindCut, nil)
	}
	for i := range d.streams {
		if d.streams[i].begun {
			return newBroken(KindCut, nil)
		}
	}
	return nil
}
