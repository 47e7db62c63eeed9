package trace

import (
	"strings"
	"time"
)

// Direction is the side that sent the bytes of an Event.
type Direction byte

// The directions, as they are printed.
const (
	ToApp    Direction = '>' // from the web server to the application
	ToServer Direction = '<' // from the application to the web server
)

// Event is something that was seen on a connection: a record, a part of an SCGI request, or the
// end.
type Event struct {
	At        time.Duration // since the trace began
	Conn      int           // the number of the connection, from 1
	Direction Direction
	Kind      string // such as "PARAMS", "STDOUT", "opened", "closed"
	ID        uint16 // FastCGI: of the request; 0 for a management record
	HasID     bool   // the kind has an id: a FastCGI record
	Length    int    // bytes of content
	Note      string // what it means, in one line; quoted and cut

	// Content is the first bytes of the content, and Whole whether that is all of it. It is valid
	// until Sink.Event returns.
	Content []byte
	Whole   bool

	// Variables are those that this record completes, of PARAMS and of the head of SCGI.
	Variables []Variable

	// Raw is the record as it was sent, for FastCGI, or the bytes of this part, for SCGI. It is
	// valid until Sink.Event returns.
	Raw []byte

	// Broken are the rules that the event breaks.
	Broken []Violation

	// Ended are the exchanges that the event ends.
	Ended []*Exchange
}

// Variable is a variable of a request.
type Variable struct{ Name, Value string }

// Violation is a rule of the protocol that was broken.
type Violation struct {
	ID   string // of the numbered requirements, such as "F28"
	What string
}

// Exchange sums up a request and its response.
type Exchange struct {
	Method, URI string
	Status      string        // of the response: "200" if it has no Status field, "" if it has no head
	Began       time.Duration // since the trace began
	Head, Whole time.Duration // from the beginning of the request to the response's first byte and its end
	Sent, Got   int64         // bytes of the request's and the response's body, with the head for Got
	AppStatus   uint32        // FastCGI
	Refused     string        // FastCGI: a protocol status that is not REQUEST_COMPLETE
	CutOff      bool          // the connection was closed before the end
	Stderr      int64         // bytes
}

// Sink takes the events of all connections, one at a time. An Event and its slices are valid until
// the method returns; an Exchange stays valid.
type Sink interface {
	Event(*Event)
}

// requestLine is how an exchange is named in a line.
func requestLine(method, uri string) string {
	return strings.TrimSpace(quoteCut(method, 16) + " " + quoteCut(uri, 100))
}
