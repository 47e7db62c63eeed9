package trace

import (
	"bufio"
	"encoding/binary"
	"io"
	"time"
)

// linkTypeUpperPDU is LINKTYPE_WIRESHARK_UPPER_PDU: a packet is tags, one of which names
// Wireshark's dissector for the rest.
const linkTypeUpperPDU = 252

// Tags of that link type, of Wireshark's epan/exported_pdu.h.
const (
	tagEnd       = 0
	tagDissector = 12
	tagIPv4From  = 20
	tagIPv4To    = 21
	tagPortType  = 24
	tagPortFrom  = 25
	tagPortTo    = 26

	portTypeTCP = 2
)

// Pcap is the Sink that writes the file that Wireshark and tshark read: each record of FastCGI, or
// part of an SCGI request, is a packet. Connection n has the port n on the web server's side.
type Pcap struct {
	w         *bufio.Writer
	dissector string
	start     time.Time // of the trace
	err       error
}

// NewPcap writes the file's header. Protocol is "fastcgi" or "scgi"; for SCGI Wireshark has no
// dissector and shows bytes. Start is the time that Event.At counts from.
func NewPcap(w io.Writer, protocol string, start time.Time) *Pcap {
	p := &Pcap{w: bufio.NewWriter(w), dissector: "data", start: start}
	if protocol == "fastcgi" {
		p.dissector = "fcgi"
	}
	header := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4) // microseconds
	header = binary.LittleEndian.AppendUint16(header, 2)
	header = binary.LittleEndian.AppendUint16(header, 4)
	header = append(header, 0, 0, 0, 0, 0, 0, 0, 0)
	header = binary.LittleEndian.AppendUint32(header, 1<<18) // the largest packet
	header = binary.LittleEndian.AppendUint32(header, linkTypeUpperPDU)
	_, p.err = p.w.Write(header)
	return p
}

// Event implements Sink.
func (p *Pcap) Event(e *Event) {
	if len(e.Raw) == 0 || p.err != nil {
		return
	}
	packet := append(p.tags(e), e.Raw...)
	at := p.start.Add(e.At)
	header := binary.LittleEndian.AppendUint32(nil, uint32(at.Unix()))
	header = binary.LittleEndian.AppendUint32(header, uint32(at.Nanosecond()/1000))
	header = binary.LittleEndian.AppendUint32(header, uint32(len(packet)))
	header = binary.LittleEndian.AppendUint32(header, uint32(len(packet)))
	p.w.Write(header)
	_, p.err = p.w.Write(packet)
}

// tags say which dissector reads the packet, and which conversation it belongs to.
func (p *Pcap) tags(e *Event) []byte {
	server, app := []byte{127, 0, 0, 1}, []byte{127, 0, 0, 2}
	from, to, portFrom, portTo := server, app, uint32(e.Conn), uint32(9000)
	if e.Direction == ToServer {
		from, to, portFrom, portTo = app, server, portTo, portFrom
	}
	b := appendTag(nil, tagDissector, []byte(p.dissector))
	b = appendTag(b, tagIPv4From, from)
	b = appendTag(b, tagIPv4To, to)
	b = appendTag(b, tagPortType, binary.BigEndian.AppendUint32(nil, portTypeTCP))
	b = appendTag(b, tagPortFrom, binary.BigEndian.AppendUint32(nil, portFrom))
	b = appendTag(b, tagPortTo, binary.BigEndian.AppendUint32(nil, portTo))
	return appendTag(b, tagEnd, nil)
}

// appendTag appends a tag, its value padded to four bytes.
func appendTag(b []byte, tag uint16, value []byte) []byte {
	padded := append(value[:len(value):len(value)], make([]byte, -len(value)&3)...)
	b = binary.BigEndian.AppendUint16(b, tag)
	b = binary.BigEndian.AppendUint16(b, uint16(len(padded)))
	return append(b, padded...)
}

// Close writes what is buffered. It returns the first error of any write.
func (p *Pcap) Close() error {
	if err := p.w.Flush(); p.err == nil {
		p.err = err
	}
	return p.err
}
