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
)

// exchange is one request of gofast's.
type exchange struct {
	conn    *conn
	records *wire.RecordReader
	mu      sync.Mutex // held while a record is written: STDERR comes beside STDOUT
	replies io.Writer
	id      uint16
}

// perform reads one request and answers it. An error is the end of the connection.
func (x *exchange) perform() error {
	r, err := x.request()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(x.conn.ctx)
	defer cancel()
	stdin, more, err := x.body(cancel)
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
		return err // nothing is sent for it
	}
	if x.conn.answer != nil {
		x.pass(r)
		<-ctx.Done() // until the Body is closed
		return ctx.Err()
	}
	if err := x.answer(r); err != nil || stdin == nil {
		return err
	}
	stdin.CloseWithError(errAnswered)
	select {
	case <-more:
		return nil
	default: // gofast would go on sending what nobody wants, for as long as there is something
		return errAnswered
	}
}

// errAnswered is what the rest of a body is dropped with.
var errAnswered = errors.New("gofastconn: the request has been answered")

// request reads a request up to its body. What is no part of one was left over by the one before.
func (x *exchange) request() (*gateway.Request, error) {
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

// checkRole refuses what the Pool would send as something else.
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
		x.page(&gateway.BackendError{Status: 502, Reason: fmt.Sprintf("requests of role %d are not sent here", b.Role)})
		return errors.New("gofastconn: wrong role")
	}
	return nil
}

// body returns the request's body, nil where there is none, and what is closed when all of it was
// taken from gofast. abort is called when gofast gives the request up.
func (x *exchange) body(abort func()) (*io.PipeReader, <-chan struct{}, error) {
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
			first = bytes.Clone(content) // the reader goes on in another goroutine
		default:
			continue
		}
		break
	}
	r, w := io.Pipe()
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		w.CloseWithError(x.copyBody(w, first, abort))
	}()
	return r, taken, nil
}

// copyBody takes all of the body from gofast, also what nobody wants any more, for gofast would
// wait.
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

// pass hands the response on past gofast.
func (x *exchange) pass(r *gateway.Request) {
	resp, err := x.conn.pool.RoundTrip(r)
	if cause := x.conn.bodyError(); err != nil && cause != nil {
		err = cause
	}
	x.conn.answer <- answer{resp, err}
}

// answer performs the exchange and gives gofast the response.
func (x *exchange) answer(r *gateway.Request) error {
	resp, err := x.conn.pool.RoundTrip(r)
	if err != nil {
		return x.page(err)
	}
	defer resp.Body.Close()
	head, err := x.head(resp)
	if err != nil {
		return x.page(err)
	}
	if err := x.write(wire.TypeStdout, head); err != nil {
		return err
	}
	_, err = io.CopyBuffer(stdout{x}, struct{ io.Reader }{resp.Body}, make([]byte, 32<<10))
	if err != nil && x.conn.ctx.Err() == nil {
		x.conn.observer.fail(err)
		x.write(wire.TypeStderr, []byte("gofastconn: response cut off: "+err.Error()))
	}
	return x.end(uint32(resp.ExitStatus))
}

// maxLine is what gofast takes of a line of the head, without its end; at one more byte it hangs.
const maxLine = 1022

// head returns the head as gofast will read it. Where a Handler is waiting for the real one, gofast
// gets little of it.
func (x *exchange) head(resp *gateway.Response) ([]byte, error) {
	status := resp.Status
	if status == "" && resp.Headers.Has("Location") {
		status = "302 Found"
	} else if status == "" {
		status = "200 OK"
	}
	if x.conn.observer != nil {
		x.conn.observer.head(resp.Headers)
		return []byte("Status: " + status[:3] + "\r\n\r\n"), nil
	}
	var b strings.Builder
	b.WriteString("Status: " + status + "\r\n")
	for name, value := range resp.Headers.All() {
		if len(name)+len(value)+len(": ") > maxLine {
			return nil, &gateway.BackendError{Status: 502, Reason: "a field of the response is longer than gofast can take",
				Err: fmt.Errorf("%.64q of %d bytes", name, len(value))}
		}
		b.WriteString(name + ": " + value + "\r\n")
	}
	return []byte(b.String() + "\r\n"), nil
}

// page answers in the place of an application that has not.
func (x *exchange) page(err error) error {
	if x.conn.ctx.Err() != nil {
		return err
	}
	status, text := 502, "The application did not answer."
	if b := (*gateway.BackendError)(nil); errors.As(err, &b) {
		status, text = b.Status, b.Reason
	}
	x.write(wire.TypeStderr, []byte(err.Error()))
	x.write(wire.TypeStdout, fmt.Appendf(nil, "Status: %d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\n", status, text))
	return x.end(0)
}

// end is all that gofast looks for behind a response: it would take the end of the connection for
// the same.
func (x *exchange) end(appStatus uint32) error {
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

// stdout is the body on its way to gofast.
type stdout struct{ x *exchange }

func (s stdout) Write(p []byte) (int, error) {
	if err := s.x.write(wire.TypeStdout, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// errorStream is STDERR on its way to gofast.
type errorStream exchange

// Write implements io.Writer.
func (s *errorStream) Write(p []byte) (int, error) {
	if err := (*exchange)(s).write(wire.TypeStderr, p); err != nil {
		return 0, err
	}
	return len(p), nil
}
