package wire

import "fmt"

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
