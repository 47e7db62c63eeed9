package gofastconn

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// requestID is the id that gofast gives the first request of a client. Every client here has one request.
const requestID = 1

// exchange is one request and its response on a connection of their own. gofast writes to it as a side, RoundTrip and the reader of
// the body read STDOUT from it.
type exchange struct {
	net          net.Conn
	records      *fastcgi.RecordReader
	stderr       io.Writer
	readTimeout  time.Duration // negative is none
	writeTimeout time.Duration
	unwatch      func() bool

	// For the reader of the response alone.
	stdout []byte // of the record read last
	end    fastcgi.EndRequest

	over chan struct{} // closed when the exchange is, and the connection with it
	mu   sync.Mutex
	err  error // why it is over; io.EOF for a whole response
	body error // of the request, which broke off
}

func newExchange(nc net.Conn, r *gateway.Request, readTimeout, writeTimeout time.Duration) *exchange {
	x := &exchange{
		net:          nc,
		stderr:       r.Stderr,
		readTimeout:  readTimeout,
		writeTimeout: writeTimeout,
		over:         make(chan struct{}),
	}
	x.records = fastcgi.NewRecordReader(bufio.NewReader(timedReader{x}))
	if x.stderr == nil {
		x.stderr = io.Discard
	}
	return x
}

// fail ends the exchange; only the first reason counts, which it returns.
func (x *exchange) fail(reason error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = reason
		x.net.Close()
		close(x.over)
	}
	return x.err
}

// failure returns why the exchange is over, nil while it is not.
func (x *exchange) failure() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

func (x *exchange) bodyError() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.body
}

// Read gives the STDOUT stream.
func (x *exchange) Read(p []byte) (int, error) {
	for len(x.stdout) == 0 {
		if err := x.failure(); err != nil {
			return 0, err
		}
		if err := x.next(); err != nil {
			return 0, x.fail(err)
		}
	}
	n := copy(p, x.stdout)
	x.stdout = x.stdout[n:]
	return n, nil
}

// Close ends the exchange, with its response or without.
func (x *exchange) Close() error {
	x.unwatch()
	x.fail(net.ErrClosed)
	return nil
}

// next acts on one record of the application. The end of the response is io.EOF.
func (x *exchange) next() error {
	h, content, err := x.records.Next()
	if err != nil {
		return readError(err)
	}
	switch {
	case h.ID == 0: // nothing was asked
	case h.ID != requestID:
		return protocolError(fmt.Errorf("a record of request %d, where there is only %d", h.ID, requestID))
	case h.Type == fastcgi.TypeStdout:
		x.stdout = content
	case h.Type == fastcgi.TypeStderr:
		x.stderr.Write(content) // as a log that cannot be written must not end the response
	case h.Type == fastcgi.TypeEndRequest:
		return x.ended(content)
	default:
		return protocolError(fmt.Errorf("a record of type %d, which is not for web servers", h.Type))
	}
	return nil
}

func (x *exchange) ended(content []byte) (err error) {
	x.end, err = fastcgi.ParseEndRequest(content)
	if err != nil {
		return protocolError(err)
	}
	switch s := x.end.ProtocolStatus; s {
	case fastcgi.RequestComplete:
		return io.EOF
	case fastcgi.Overloaded, fastcgi.CannotMultiplex:
		return &gateway.BackendError{Status: 503, Reason: "the application has no room for more requests", Err: errors.New(s.String())}
	default:
		return &gateway.BackendError{Status: 502, Reason: "the application refused the request", Err: errors.New(s.String())}
	}
}

func protocolError(err error) error {
	return &gateway.BackendError{Status: 502, Reason: "the application broke the protocol", Err: err}
}

// readError is what a client may hear of a connection that gives no more records.
func readError(err error) error {
	var p *fastcgi.ProtocolError
	switch {
	case errors.As(err, &p):
		return protocolError(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &gateway.BackendError{Status: 504, Reason: "the application did not answer in time", Err: err}
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return &gateway.BackendError{Status: 502, Reason: "the application broke off", Err: err}
}

// timedReader bounds each wait for the application.
type timedReader struct{ x *exchange }

func (r timedReader) Read(p []byte) (int, error) {
	if r.x.readTimeout > 0 {
		r.x.net.SetReadDeadline(time.Now().Add(r.x.readTimeout))
	}
	return r.x.net.Read(p)
}

// responseBody is the body as the caller has it.
type responseBody struct {
	io.ReadCloser
	exchange *exchange
	response *gateway.Response
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.response.ExitStatus = int(b.exchange.end.AppStatus)
	}
	return n, err
}

// side is the connection as gofast sees it.
type side struct {
	net.Conn
	x *exchange
}

// Read waits for the end of the exchange, and tells gofast that the request has ended, so that its goroutines do.
func (s side) Read(p []byte) (int, error) {
	<-s.x.over
	return 0, io.EOF
}

// Write sends a record of gofast's.
func (s side) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if s.x.writeTimeout > 0 {
			s.Conn.SetWriteDeadline(time.Now().Add(s.x.writeTimeout))
		}
		sent, err := s.Conn.Write(p[n:])
		n += sent
		if err != nil && (sent == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return n, s.lost(err)
		}
	}
	return n, nil
}

// lost acts on a write that failed. An application that closes early may have sent its answer before: only one that takes nothing and
// says nothing is given up.
func (s side) lost(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.x.fail(&gateway.BackendError{Status: 504, Reason: "the application did not take the request in time", Err: err})
	}
	return err
}

// Close leaves the connection to the exchange.
func (s side) Close() error { return nil }

// requestBody is the body as gofast reads it.
type requestBody struct {
	r io.Reader
	x *exchange
}

// Read keeps from gofast what it takes for the end of the body: an error, and a Read of nothing.
func (b *requestBody) Read(p []byte) (n int, err error) {
	for n == 0 && err == nil {
		if b.x.failure() != nil {
			return 0, net.ErrClosed
		}
		n, err = b.r.Read(p)
	}
	if err == nil || err == io.EOF {
		return n, err
	}
	err = fmt.Errorf("gofastconn: request body: %w", err)
	b.x.mu.Lock()
	b.x.body = err
	b.x.mu.Unlock()
	b.x.fail(err)
	return 0, err
}

func (b *requestBody) Close() error { return nil }
