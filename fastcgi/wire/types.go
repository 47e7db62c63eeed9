package wire

import "fmt"

// RecordType is the type of a record (FastCGI section 8).
type RecordType uint8

// The record types of FastCGI 1.0. An empty record of the same type ends a stream.
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

// Role is the role that the web server asks an application to play (FastCGI section 6).
type Role uint16

// The roles of FastCGI 1.0.
const (
	RoleResponder  Role = 1
	RoleAuthorizer Role = 2
	RoleFilter     Role = 3
)

// ProtocolStatus is the result of a request at the level of the protocol (FastCGI section 5.5).
type ProtocolStatus uint8

// The protocol statuses of FastCGI 1.0.
const (
	RequestComplete ProtocolStatus = 0
	CannotMultiplex ProtocolStatus = 1 // the connection takes no second request
	Overloaded      ProtocolStatus = 2 // the application has no room for the request now
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
