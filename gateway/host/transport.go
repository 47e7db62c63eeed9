package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/headers"
)

// Transport is a [Handler] as an http.RoundTripper, for httputil.ReverseProxy and code that is
// built on it. Its fields have the meaning of a Handler's fields, but Next, Router, Offload and
// Access are not used.
//
// A request that is refused gets a response, such as a 404 for a path that names no script, or a
// 413 for a body that is too large. A failure of the backend is an error, a
// [*gateway.BackendError]. Reading the response's Body returns such an error too, and never io.EOF
// if the body is not complete. The error stream goes to ErrorLog, or to standard error. A body
// without Content-Type gets text/plain, since the server that sends the response would guess a
// type.
//
// The request's path must be below Mount. Its body is closed as http.RoundTripper requires.
type Transport Handler

// RoundTrip implements http.RoundTripper. It may be called by several goroutines at the same time.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	h := (*Handler)(t)
	h.once.Do(h.setUp)
	body := &requestBody{body: r.Body}
	if h.faulty != nil {
		body.close()
		return nil, h.faulty
	}
	ctx, cancel := context.WithCancel(r.Context())
	if h.Timeout > 0 {
		ctx, cancel = context.WithTimeout(r.Context(), h.Timeout)
	}
	x := &relay{handler: h, access: new(gateway.Access)}
	done := func() {
		cancel()
		body.close()
		x.close()
	}
	resp, err := x.exchangeHTTP(ctx, r, body)
	if err != nil {
		done()
		return x.refusal(r, err)
	}
	resp.Body = &responseBody{ReadCloser: resp.Body, done: done}
	return resp, nil
}

// exchangeHTTP translates r, sends it, and translates the response.
func (x *relay) exchangeHTTP(ctx context.Context, r *http.Request, body *requestBody) (*http.Response, error) {
	incoming := *r
	if r.Host == "" {
		incoming.Host = r.URL.Host
	}
	e, err := httpapp.MetaVariables(&incoming, "")
	if err != nil {
		return nil, err
	}
	request := &gateway.Request{
		Environ: e, Stderr: os.Stderr, EscapedPath: cmp.Or(r.URL.EscapedPath(), "/"), Multithread: true,
		OriginServer: true,
	}
	if outer := httpapp.Request(r); outer != nil {
		request.OriginServer = outer.OriginServer
	}
	switch {
	case r.Body == nil || r.Body == http.NoBody:
	case r.ContentLength > 0:
		request.Stdin, request.ContentLength = io.LimitReader(body, r.ContentLength), r.ContentLength
	default:
		request.Stdin = body // in a client request, ContentLength 0 with a Body means an unknown length
		e.Del("CONTENT_LENGTH")
	}
	resp, err := x.follow(request.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	x.readAhead(resp)
	x.cleanFields(resp)
	answer, err := toHTTP(r, x.sent, resp)
	if err != nil {
		resp.Body.Close()
	}
	return answer, err
}

// toHTTP makes an http.Response to r from the backend's response to request, as which r was sent.
func toHTTP(r *http.Request, request *gateway.Request, resp *gateway.Response) (*http.Response, error) {
	fields := headers.New()
	status, length, err := resp.Final(fields)
	if err != nil {
		return nil, err
	}
	answer := newResponse(r, status)
	for name, value := range fields.All() {
		answer.Header.Add(name, value)
	}
	answer.ContentLength, answer.Body = length, resp.Body
	if !fields.Has("Content-Type") {
		// the server that sends the response would sniff a type, perhaps HTML (CVE-2020-24553)
		answer.Header.Set("Content-Type", "text/plain")
	}
	switch {
	case exchange.HasNoBody(status):
		answer.Header.Del("Content-Type")
		answer.Header.Del("Content-Length")
		answer.ContentLength = 0
		fallthrough
	case r.Method == http.MethodHead:
		answer.Body = &noBody{resp.Body}
	case length >= 0:
		body := exchange.NewDeclaredBody(request, resp)
		answer.Body = &body
	}
	return answer, nil
}

func newResponse(r *http.Request, status string) *http.Response {
	code, _ := strconv.Atoi(status[:min(len(status), 3)]) // cannot fail: status is valid
	return &http.Response{
		Status:     status,
		StatusCode: code,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     make(http.Header),
		Request:    r,
	}
}

// refusal returns the response to a request that is refused because of the client. It returns an
// error if the backend or this process failed, or if the client has closed the connection.
func (x *relay) refusal(r *http.Request, err error) (*http.Response, error) {
	p, ok := x.errorPage(err)
	if !ok {
		p.status, p.text = gateway.ErrorPage(err)
	}
	if strings.HasPrefix(p.status, "5") || errors.Is(err, gateway.ErrClientGone) {
		return nil, err
	}
	answer := newResponse(r, p.status)
	for _, f := range p.fields() {
		answer.Header.Set(f.Name, f.Value)
	}
	answer.Header.Set("Content-Length", fmt.Sprint(len(p.text)))
	answer.ContentLength, answer.Body = int64(len(p.text)), io.NopCloser(strings.NewReader(p.text))
	if r.Method == http.MethodHead {
		answer.Body = http.NoBody
	}
	return answer, nil
}

// requestBody is the body that a backend reads. The body of r must not be read after the response
// is closed, which a backend may still try.
type requestBody struct {
	body    io.ReadCloser
	closed  atomic.Bool
	failure atomic.Pointer[error] // error of the first Read that failed
}

// Read implements io.Reader.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, gateway.ErrFinished
	}
	n, err := b.body.Read(p)
	if b.closed.Load() {
		return 0, gateway.ErrFinished
	}
	if err != nil && err != io.EOF {
		b.fail(err)
	}
	return n, err
}

func (b *requestBody) fail(err error) { b.failure.CompareAndSwap(nil, &err) }

// Failure returns the error of reading. gateway.Blame calls it.
func (b *requestBody) Failure() error {
	if err := b.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// close closes the body in another goroutine, since a server's body would wait for a Read under
// way.
func (b *requestBody) close() {
	if b.body != nil && !b.closed.Swap(true) {
		go b.body.Close()
	}
}

// responseBody ends the exchange when it is closed.
type responseBody struct {
	io.ReadCloser
	done func()
}

// Close implements io.Closer.
func (b *responseBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

// noBody hides the body of a response that must not have one. Closing it reads the body, so that
// the exchange is complete: see discardBody.
type noBody struct{ body io.ReadCloser }

func (*noBody) Read([]byte) (int, error) { return 0, io.EOF }

func (b *noBody) Close() error {
	discardBody(b.body)
	return nil
}
