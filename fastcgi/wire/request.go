package wire

import "encoding/binary"

// BeginRequest is the content of a BEGIN_REQUEST record (FastCGI section 5.1).
type BeginRequest struct {
	Role Role
	// the web server keeps the connection open after the request, and so must the application
	KeepConn bool
}

const keepConnFlag = 1

// ParseBeginRequest decodes the content of a BEGIN_REQUEST record. A length other than 8 bytes is a
// [*ProtocolError]. The role is not checked, and unknown flags are ignored.
func ParseBeginRequest(content []byte) (BeginRequest, error) {
	if len(content) != 8 {
		return BeginRequest{}, Errorf("BEGIN_REQUEST of %d bytes; want 8", len(content))
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
	AppStatus      uint32 // an exit status; does not tell whether the response is good
	ProtocolStatus ProtocolStatus
}

// Error implements error for a request that was refused: by a ProtocolStatus other than
// RequestComplete, which is its text.
func (e EndRequest) Error() string { return e.ProtocolStatus.String() }

// ParseEndRequest decodes the content of an END_REQUEST record. A length other than 8 bytes is a
// [*ProtocolError].
func ParseEndRequest(content []byte) (EndRequest, error) {
	if len(content) != 8 {
		return EndRequest{}, Errorf("END_REQUEST of %d bytes; want 8", len(content))
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
