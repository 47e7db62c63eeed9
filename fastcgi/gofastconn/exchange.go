package gofastconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// exchange is one request of gofast.
type exchange struct {
	conn    *conn
	records *wire.RecordReader
	mu      sync.Mutex // held while a record is written: STDERR and STDOUT are written concurrently
	replies io.Writer
	id      uint16
}

// perform reads one request and answers it. An error ends the connection.
func (x *exchange) perform() error {
	r, err := x.readRequest()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(x.conn.ctx)
	defer cancel()
	stdin, bodyRead, err := x.readBody(cancel)
	if err != nil {
		return err
	}
	if stdin != nil {
		r.Stdin = stdin
		context.AfterFunc(ctx, func() { stdin.CloseWithError(errAnswered) })
	}
	r.Stderr = (*errorStream)(x)
	if x.conn.stderr != nil || x.conn.answer != nil {
		r.Stderr = x.conn.stderr
	}
	r = r.WithContext(ctx)
	if err := ctx.Err(); err != nil {
		return err // send nothing
	}
	if x.conn.answer != nil {
		x.runBackend(r)
		<-ctx.Done() // until the Body is closed
		return ctx.Err()
	}
	if err := x.answer(r); err != nil || stdin == nil {
		return err
	}
	stdin.CloseWithError(errAnswered)
	select {
	case <-bodyRead:
		return nil
	default: // gofast would send the rest of the body, although it is not needed
		return errAnswered
	}
}

// errAnswered is the error with which the rest of a body is dropped.
var errAnswered = errors.New("gofastconn: the request has been answered")

// readRequest reads a request up to its body. It skips late records of the request before.
func (x *exchange) readRequest() (*gateway.Request, error) {
	var params []byte
	for {
		h, content, err := x.records.Next()
		switch {
		case err != nil:
			return nil, err
		case h.Type == wire.TypeBeginRequest:
			x.id = h.ID
			if err := x.checkRole(content); err != nil {
				return nil, err
			}
		case h.Type != wire.TypeParams || h.ID != x.id:
		case len(content) > 0:
			params = append(params, content...)
		default:
			e, err := environ(params)
			return &gateway.Request{Environ: e}, err
		}
	}
}

// checkRole refuses a request whose role is not that of the Pool.
func (x *exchange) checkRole(content []byte) error {
	b, err := wire.ParseBeginRequest(content)
	if err != nil {
		return err
	}
	role := x.conn.pool.Role
	if role == 0 {
		role = fastcgi.RoleResponder
	}
	if b.Role != role {
		x.writePage(&gateway.BackendError{Status: 502, Reason: fmt.Sprintf("requests of role %d are not sent here", b.Role)})
		return errors.New("gofastconn: wrong role")
	}
	return nil
}

// readBody returns the request's body, or nil if it is empty, and a channel that is closed when all
// of the body was read from gofast. It calls abort when gofast aborts the request.
func (x *exchange) readBody(abort func()) (*io.PipeReader, <-chan struct{}, error) {
	var first []byte
	for {
		h, content, err := x.records.Next()
		switch {
		case err != nil:
			return nil, nil, err
		case h.ID != x.id:
			continue
		case h.Type == wire.TypeAbortRequest:
			return nil, nil, errors.New("gofastconn: request given up")
		case h.Type == wire.TypeStdin && len(content) == 0:
			return nil, nil, nil
		case h.Type == wire.TypeStdin:
			first = bytes.Clone(content) // another goroutine reads on and would overwrite it
		default:
			continue
		}
		break
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(x.copyBody(w, first, abort))
	}()
	return r, done, nil
}

// copyBody reads all of the body from gofast, even after w has failed, because gofast would wait
// otherwise.
func (x *exchange) copyBody(w io.Writer, content []byte, abort func()) error {
	for {
		w.Write(content)
		h, next, err := x.records.Next()
		switch {
		case err != nil:
			return io.ErrUnexpectedEOF
		case h.ID == x.id && h.Type == wire.TypeAbortRequest:
			abort()
			return io.ErrUnexpectedEOF
		case h.ID != x.id || h.Type != wire.TypeStdin:
			next = nil
		case len(next) == 0:
			return nil
		}
		content = next
	}
}

// runBackend performs the exchange and passes the response to conn.answer instead of gofast.
func (x *exchange) runBackend(r *gateway.Request) {
	resp, err := x.conn.pool.RoundTrip(r)
	if cause := x.conn.bodyError(); err != nil && cause != nil {
		err = cause
	}
	x.conn.answer <- answer{resp, err}
}

// answer performs the exchange and writes the response for gofast.
func (x *exchange) answer(r *gateway.Request) error {
	resp, err := x.conn.pool.RoundTrip(r)
	if err != nil {
		return x.writePage(err)
	}
	defer resp.Body.Close()
	if err := removeHopByHop(resp.Headers); err != nil {
		return x.writePage(err)
	}
	head, err := x.encodeHead(resp)
	if err != nil {
		return x.writePage(err)
	}
	if err := x.write(wire.TypeStdout, head); err != nil {
		return err
	}
	_, err = io.CopyBuffer(stdout{x}, struct{ io.Reader }{resp.Body}, make([]byte, 32<<10))
	if err != nil && x.conn.ctx.Err() == nil {
		x.conn.observer.fail(err)
		x.write(wire.TypeStderr, []byte("gofastconn: response cut off: "+err.Error()))
	}
	return x.finish(uint32(resp.ExitStatus))
}

// removeHopByHop removes the fields that concern one connection only (RFC 9110 section 7.6.1),
// because gofast passes every field to its client. The body of a response with a Transfer-Encoding
// cannot be passed on.
func removeHopByHop(fields *headers.Headers) error {
	if coding := fields.Get("Transfer-Encoding"); coding != "" {
		return &gateway.BackendError{Status: 502, Reason: "the application sent a Transfer-Encoding",
			Err: fmt.Errorf("Transfer-Encoding: %.64q", coding)}
	}
	connection := strings.Join(fields.GetAll("Connection"), ",")
	for _, name := range fields.Keys() {
		if util.IsHopByHop(name) || util.IsConnectionOption(connection, name) {
			fields.Del(name)
		}
	}
	return nil
}

// maxLine is the longest line of a head that gofast can read, in bytes without the line end. With
// one more byte it hangs.
const maxLine = 1022

// encodeHead returns the head for gofast to read. With an observer, which gets the fields, gofast
// gets only the status.
func (x *exchange) encodeHead(resp *gateway.Response) ([]byte, error) {
	status := resp.Status
	if status == "" && resp.Headers.Has("Location") {
		status = "302 Found"
	} else if status == "" {
		status = "200 OK"
	}
	if x.conn.observer != nil {
		x.conn.observer.setFields(resp.Headers)
		return []byte("Status: " + status[:3] + "\r\n\r\n"), nil
	}
	var b strings.Builder
	b.WriteString("Status: " + status + "\r\n")
	for name, value := range resp.Headers.All() {
		if len(name)+len(value)+len(": ") > maxLine {
			return nil, &gateway.BackendError{Status: 502, Reason: "a field of the response is longer than gofast can read",
				Err: fmt.Errorf("%.64q of %d bytes", name, len(value))}
		}
		b.WriteString(name + ": " + value + "\r\n")
	}
	return []byte(b.String() + "\r\n"), nil
}

// writePage answers for an application that has not answered.
func (x *exchange) writePage(err error) error {
	if x.conn.ctx.Err() != nil {
		return err
	}
	status, text := 502, "The application did not answer."
	if b := (*gateway.BackendError)(nil); errors.As(err, &b) {
		status, text = b.Status, b.Reason
	}
	x.write(wire.TypeStderr, []byte(err.Error()))
	x.write(wire.TypeStdout, fmt.Appendf(nil, "Status: %d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\n", status, text))
	return x.finish(0)
}

// finish writes END_REQUEST. gofast needs no more after a response; it would treat the end of the
// connection in the same way.
func (x *exchange) finish(appStatus uint32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, err := x.replies.Write(wire.AppendEndRequest(nil, x.id, wire.EndRequest{AppStatus: appStatus}))
	return err
}

func (x *exchange) write(t wire.RecordType, content []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(content) == 0 {
		return nil
	}
	_, err := x.replies.Write(wire.AppendRecord(nil, t, x.id, content))
	return err
}

// stdout writes the body as STDOUT records for gofast.
type stdout struct{ x *exchange }

func (s stdout) Write(p []byte) (int, error) {
	if err := s.x.write(wire.TypeStdout, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// errorStream writes STDERR records for gofast.
type errorStream exchange

// Write implements io.Writer.
func (s *errorStream) Write(p []byte) (int, error) {
	if err := (*exchange)(s).write(wire.TypeStderr, p); err != nil {
		return 0, err
	}
	return len(p), nil
}
