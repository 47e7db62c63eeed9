package gofastconn

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// conn is a connection as gofast sees it. It has no socket: the records that gofast writes become a
// request to a fastcgi.Client, and the response is encoded as records again.
type conn struct {
	pool     *fastcgi.Client
	ctx      context.Context // ends with the connection
	cancel   context.CancelFunc
	observer *observer   // of the response; may be nil
	answer   chan answer // if not nil, gets the response instead of gofast
	stderr   io.Writer   // with answer, gets STDERR instead of gofast

	requests *io.PipeWriter // records from gofast
	replies  *io.PipeReader // records for gofast

	mu   sync.Mutex
	body error // why the request's body failed
}

// answer holds the results of a RoundTrip.
type answer struct {
	response *gateway.Response
	err      error
}

// start starts the goroutine that serves the connection. The caller has set pool and, as needed,
// the other settings.
func (c *conn) start(ctx context.Context) *conn {
	c.ctx, c.cancel = context.WithCancel(ctx)
	if ctx.Err() != nil {
		c.cancel() // package context might cancel it only later, in another goroutine
	}
	records, requests := io.Pipe()
	replies, answers := io.Pipe()
	c.requests, c.replies = requests, replies
	context.AfterFunc(c.ctx, func() {
		requests.CloseWithError(net.ErrClosed)
		replies.CloseWithError(net.ErrClosed)
		records.CloseWithError(net.ErrClosed)
		answers.CloseWithError(net.ErrClosed)
	})
	go c.serve(wire.NewRecordReader(bufio.NewReader(records)), answers)
	return c
}

// serve performs one request after the other.
func (c *conn) serve(records *wire.RecordReader, replies io.Writer) {
	defer c.cancel()
	for {
		r := &exchange{conn: c, records: records, replies: replies}
		if err := r.perform(); err != nil {
			c.abort(err)
			return
		}
	}
}

// abort answers a request that failed before the pool could perform it.
func (c *conn) abort(err error) {
	failed := &gateway.BackendError{Status: 502, Reason: "the request was given up", Err: cmp.Or(c.ctx.Err(), err)}
	if errors.Is(c.ctx.Err(), context.DeadlineExceeded) {
		failed.Status, failed.Reason = 504, "the application did not answer in time"
	}
	err = failed
	select {
	case c.answer <- answer{nil, cmp.Or(c.bodyError(), err)}:
	default: // the request was answered before, or the response goes to gofast
	}
}

// failBody ends the exchange because the request's body failed.
func (c *conn) failBody(err error) {
	c.mu.Lock()
	c.body = cmp.Or(c.body, err)
	c.mu.Unlock()
	c.cancel()
}

func (c *conn) bodyError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.body
}

// Read reads the records of the response, for gofast.
func (c *conn) Read(p []byte) (int, error) { return c.replies.Read(p) }

// Write writes the records of a request, for gofast.
func (c *conn) Write(p []byte) (int, error) { return c.requests.Write(p) }

// Close ends the exchange.
func (c *conn) Close() error {
	c.cancel()
	return nil
}

// addr is a placeholder: the exchanges use the addresses of their Pool.
type addr struct{}

func (addr) Network() string { return "fastcgi" }
func (addr) String() string  { return "gofastconn" }

func (*conn) LocalAddr() net.Addr  { return addr{} }
func (*conn) RemoteAddr() net.Addr { return addr{} }

// Deadlines are not supported: the timeouts of the Pool apply.

func (*conn) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (*conn) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (*conn) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

// environ decodes a complete PARAMS stream.
func environ(params []byte) (*util.Environ, error) {
	e := util.NewEnviron()
	for data := string(params); data != ""; {
		name, value, rest, err := wire.CutPair(data)
		if err != nil {
			return nil, err
		}
		e.Add(name, value)
		data = rest
	}
	return e, nil
}
