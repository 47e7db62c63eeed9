package load

import (
	"errors"
	"fmt"
)

// Answer is a response that is whole.
type Answer struct {
	Status    int
	AppStatus uint32 // of FastCGI, or the exit status of a script
	Size      int64  // of the body, in bytes
	Close     bool   // the connection cannot have another request
}

// Decoder follows what a server sends on one connection.
type Decoder interface {
	// Decode reads the next bytes. It returns an error, of type *Broken, if they are wrong: the
	// connection is of no use then.
	Decode(p []byte, r Receiver) error
	// Finish is called when the server has closed the connection. It reports a response that ends
	// with it, and returns an error if one is cut off. Nothing under way is no error.
	Finish(r Receiver) error
	// Reset is called before each connection.
	Reset()
}

// Receiver is told of the responses. Stream 0 is the first of Plan.Requests.
type Receiver interface {
	ReceiveFirst(stream int) bool // the first byte has come; reports whether a request is under way there
	ReceiveAnswer(stream int, a Answer)
	ReceiveError(stream int, kind string) // a whole answer that is wrong
}

// Broken is the error of a Decoder. Kind says in a few words what is wrong, and is the same for all
// errors that are alike.
type Broken struct {
	Kind  string
	Start string // of what came, if that helps
}

// Error implements error.
func (b *Broken) Error() string {
	if b.Start == "" {
		return b.Kind
	}
	return fmt.Sprintf("%s: it begins %.64q", b.Kind, b.Start)
}

// The kinds of errors. Those of the system have its words.
const (
	KindTimeout   = "no answer in time"
	KindUnended   = "no end of an answer in time"
	KindClosed    = "closed without an answer"
	KindCut       = "answer cut off"
	KindShort     = "body shorter than its Content-Length"
	KindLong      = "body longer than its Content-Length"
	KindHead      = "no valid head"
	KindFastCGI   = "not FastCGI"
	KindHTTP      = "not HTTP"
	KindSurprise  = "bytes that no request asked for"
	KindCompanion = "lost with another request of its connection"
)

func newBroken(kind string, start []byte) error {
	return &Broken{kind, string(start[:min(len(start), 64)])}
}

func statusKind(status int) string { return fmt.Sprintf("status %d", status) }

// kindOf is the kind of an error.
func kindOf(err error) string {
	if b := (*Broken)(nil); errors.As(err, &b) {
		return b.Kind
	}
	return systemKind(err)
}
