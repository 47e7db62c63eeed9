package wire

import "encoding/binary"

// BeginRequest is the content of a BEGIN_REQUEST record (FastCGI section 5.1).
type BeginRequest struct {
	Role Role
	// the web server keeps the connection open after the request, and the application must too
	KeepConn bool
}

const keepConnFlag = 1

// ParseBeginRequest reads the content of a BEGIN_REQUEST record. Another length than 8 bytes is a
// [*ProtocolError]; a role is not checked, and unknown flags mean nothing.
func ParseBeginRequest(content []byte) (BeginRequest, error) {
	if len(content) != 8 {
		return BeginRequest{}, Errorf("BEGIN_REQUEST of %d bytes, where it has 8", len(content))
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

// ParseEndRequest reads the content of an END_REQUEST record. Another length than 8 bytes is a
// [*ProtocolError].
func ParseEndRequest(content []byte) (EndRequest, error) {
	if len(content) != 8 {
		return EndRequest{}, Errorf("END_REQUEST of %d bytes, where it has 8", len(content))
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
