package wire

import "fmt"

// ProtocolError is a violation of the protocol by the peer. Nothing that follows on the connection
// can be trusted.
type ProtocolError struct {
	Reason string // what is wrong, and in which record or pair
	Header string // the 8 bytes of the header if the header is invalid; otherwise empty
}

// Error returns the text for a log. Bad input in it is quoted and cut.
func (e *ProtocolError) Error() string { return "fastcgi: " + e.Reason }

// Errorf returns a [*ProtocolError]. The format must quote and cut the arguments that the peer
// chose.
func Errorf(format string, args ...any) error {
	return &ProtocolError{Reason: fmt.Sprintf(format, args...)}
}
