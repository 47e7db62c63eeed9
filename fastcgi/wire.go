package fastcgi

import (
	"encoding/binary"
	"fmt"
)

// Sizes of records (FastCGI section 3.3).
const (
	HeaderSize = 8      // bytes of a record's header
	MaxContent = 0xffff // most content bytes of one record
	MaxPadding = 0xff   // most bytes behind the content
)

// RecordType is the type of a record (FastCGI section 8).
type RecordType uint8

// The types of FastCGI 1.0. Streams end with an empty record of their type.
const (
	TypeBeginRequest    RecordType = 1
	TypeAbortRequest    RecordType = 2
	TypeEndRequest      RecordType = 3
	TypeParams          RecordType = 4 // stream to the application
	TypeStdin           RecordType = 5 // stream to the application
	TypeStdout          RecordType = 6 // stream to the web server
	TypeStderr          RecordType = 7 // stream to the web server
	TypeData            RecordType = 8 // stream to the application, for filters
	TypeGetValues       RecordType = 9
	TypeGetValuesResult RecordType = 10
	TypeUnknownType     RecordType = 11
)

// Role is what the web server wants an application to be (FastCGI section 6).
type Role uint16

// The roles of FastCGI 1.0.
const (
	RoleResponder  Role = 1
	RoleAuthorizer Role = 2
	RoleFilter     Role = 3
)

// ProtocolStatus tells how a request ended, for the protocol (FastCGI section 5.5).
type ProtocolStatus uint8

// The protocol statuses of FastCGI 1.0.
const (
	RequestComplete ProtocolStatus = 0
	CannotMultiplex ProtocolStatus = 1 // no second request on this connection
	Overloaded      ProtocolStatus = 2 // no more requests at this time
	UnknownRole     ProtocolStatus = 3
)

// String returns the name that the specification gives the status.
func (s ProtocolStatus) String() string {
	names := [...]string{"FCGI_REQUEST_COMPLETE", "FCGI_CANT_MPX_CONN", "FCGI_OVERLOADED", "FCGI_UNKNOWN_ROLE"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("protocol status %d", uint8(s))
}

// ProtocolError is what a peer did against the protocol. Nothing that follows on the connection can be trusted.
type ProtocolError struct {
	Reason string // what is wrong, and in which record or pair
}

// Error tells it for a log: bad input is quoted and cut.
func (e *ProtocolError) Error() string { return "fastcgi: " + e.Reason }

// protocolError is the one maker of a ProtocolError. Arguments that the peer chose are quoted and cut by the format.
func protocolError(format string, args ...any) error {
	return &ProtocolError{Reason: fmt.Sprintf(format, args...)}
}

// Header is the header of a record (FastCGI section 3.3).
type Header struct {
	Type          RecordType
	ID            uint16 // of the request; 0 is the connection itself
	ContentLength int    // 0 to MaxContent bytes
	PaddingLength int    // 0 to MaxPadding bytes, which mean nothing
}

// ParseHeader reads a header. A version other than 1 is a [*ProtocolError]; the reserved byte may be anything.
func ParseHeader(b [HeaderSize]byte) (Header, error) {
	if b[0] != 1 {
		return Header{}, wrongVersion(b)
	}
	return Header{
		Type:          RecordType(b[1]),
		ID:            binary.BigEndian.Uint16(b[2:]),
		ContentLength: int(binary.BigEndian.Uint16(b[4:])),
		PaddingLength: int(b[6]),
	}, nil
}

// wrongVersion has a copy of its own of the header, so that a good one need not be on the heap.
func wrongVersion(b [HeaderSize]byte) error {
	return protocolError("record of version %d, where 1 is spoken: header %q", b[0], b[:])
}

// AppendRecord appends content as a record, padded with zeros to a multiple of 8 bytes as FastCGI section 3.3 advises. Content
// above MaxContent becomes several records, as only streams may have; none becomes the empty record that ends a stream.
func AppendRecord(dst []byte, t RecordType, id uint16, content []byte) []byte {
	const aligned = MaxContent &^ 7 // needs no padding
	for len(content) > MaxContent {
		dst = appendOne(dst, t, id, content[:aligned], 0)
		content = content[aligned:]
	}
	return appendOne(dst, t, id, content, -len(content)&7)
}

// appendFlushed appends content, at most MaxContent bytes, as a record that ends with it: nginx 1.22.1 takes padding behind a
// head for the beginning of the body, and keeps both until more comes.
func appendFlushed(dst []byte, t RecordType, id uint16, content []byte) []byte {
	return appendOne(dst, t, id, content, 0)
}

// appendError appends content, at most fullRecord bytes, as a STDERR record that has padding behind it in any case: HAProxy crashes
// on one whose last byte is the last that it has read (2.6.12; mended in 2023 by its commit 665703d).
func appendError(dst []byte, id uint16, content []byte) []byte {
	return appendOne(dst, TypeStderr, id, content, 8-len(content)&7)
}

func appendOne(dst []byte, t RecordType, id uint16, content []byte, padding int) []byte {
	dst = append(dst, 1, byte(t), byte(id>>8), byte(id), byte(len(content)>>8), byte(len(content)), byte(padding), 0)
	dst = append(dst, content...)
	return append(dst, make([]byte, padding)...)
}

// BeginRequest is the content of a BEGIN_REQUEST record (FastCGI section 5.1).
type BeginRequest struct {
	Role     Role
	KeepConn bool // the web server keeps the connection open after the request, and the application must too
}

const keepConnFlag = 1

// ParseBeginRequest reads the content of a BEGIN_REQUEST record. Another length than 8 bytes is a [*ProtocolError]; a role is not
// checked, and unknown flags mean nothing.
func ParseBeginRequest(content []byte) (BeginRequest, error) {
	if len(content) != 8 {
		return BeginRequest{}, protocolError("BEGIN_REQUEST of %d bytes, where it has 8", len(content))
	}
	return BeginRequest{
		Role:     Role(binary.BigEndian.Uint16(content)),
		KeepConn: content[2]&keepConnFlag != 0,
	}, nil
}

// AppendBeginRequest appends a BEGIN_REQUEST record.
func AppendBeginRequest(dst []byte, id uint16, b BeginRequest) []byte {
	flags := byte(0)
	if b.KeepConn {
		flags = keepConnFlag
	}
	return AppendRecord(dst, TypeBeginRequest, id, []byte{byte(b.Role >> 8), byte(b.Role), flags, 0, 0, 0, 0, 0})
}

// EndRequest is the content of an END_REQUEST record (FastCGI section 5.5).
type EndRequest struct {
	AppStatus      uint32 // an exit status; it says nothing about the response
	ProtocolStatus ProtocolStatus
}

// ParseEndRequest reads the content of an END_REQUEST record. Another length than 8 bytes is a [*ProtocolError].
func ParseEndRequest(content []byte) (EndRequest, error) {
	if len(content) != 8 {
		return EndRequest{}, protocolError("END_REQUEST of %d bytes, where it has 8", len(content))
	}
	return EndRequest{
		AppStatus:      binary.BigEndian.Uint32(content),
		ProtocolStatus: ProtocolStatus(content[4]),
	}, nil
}

// AppendEndRequest appends an END_REQUEST record.
func AppendEndRequest(dst []byte, id uint16, e EndRequest) []byte {
	content := [8]byte{4: byte(e.ProtocolStatus)}
	binary.BigEndian.PutUint32(content[:], e.AppStatus)
	return AppendRecord(dst, TypeEndRequest, id, content[:])
}

// appendUnknownType appends the answer to a management record of a type that is not known (FastCGI section 4.2).
func appendUnknownType(dst []byte, t RecordType) []byte {
	return AppendRecord(dst, TypeUnknownType, 0, []byte{byte(t), 0, 0, 0, 0, 0, 0, 0})
}
