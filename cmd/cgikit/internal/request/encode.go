package request

import (
	"context"
	"errors"
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// Message is what a Request sends, for a caller that sends it again and again.
type Message struct {
	Method  string
	Path    string          // the path and the query, percent-encoded, as a request line has them
	Environ *util.Environ   // the variables in their order; nil for an HTTP server
	Fields  []headers.Field // of HTTP, with Host and without Content-Length
	Body    []byte          // nil for none
	Role    uint16          // of FastCGI
}

// Message makes the message without sending it. The body is in memory, and at most 64 MiB long. An
// error is a mistake in the command line. --php and remote procedure calls, whose answers need
// work of their own, are refused.
func (r *Request) Message(ctx context.Context) (*Message, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if r.PHP != "" || r.isCall() {
		return nil, cli.Usage(errors.New("--php, --xmlrpc and --jsonrpc cannot be sent again and again"), "-d has a body")
	}
	m, err := r.newMessage(ctx)
	if err != nil {
		return nil, err
	}
	defer m.body.close()
	e := &Message{Method: m.method, Path: m.location.target, Fields: m.fields, Role: uint16(roles["responder"])}
	if role, ok := roles[r.Role]; ok {
		e.Role = uint16(role)
	}
	if r.Target.Protocol != "http" {
		e.Environ = m.environ.environ()
	}
	if m.body == nil {
		return e, nil
	}
	if m.body.size() > maxFileInMemory {
		return nil, cli.Usage(fmt.Errorf("the body has %d bytes", m.body.size()), fmt.Sprintf("it can have %d MiB here", maxFileInMemory>>20))
	}
	text, err := m.body.text()
	e.Body = []byte(text)
	return e, err
}
