package wire

import "fmt"

// ProtocolError is a violation of the protocol by the peer. Nothing that follows on the connection
// can be trusted.
type ProtocolError struct {
	Reason string // what is wrong, and in which record or pair
	Header string // the 8 bytes that are not the header of a record, where that is what is wrong
}

// Error tells it for a log: bad input is quoted and cut.
func (e *ProtocolError) Error() string { return "fastcgi: " + e.Reason }

// Errorf returns a [*ProtocolError]. The format must quote and cut the arguments that the peer
// chose.
func Errorf(format string, args ...any) error {
	return &ProtocolError{Reason: fmt.Sprintf(format, args...)}
}
