package gatewaytest

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// caseField names the case of a request. gateField is the port of the gate.
const (
	caseField = "X-Gatewaytest-Case"
	gateField = "X-Gatewaytest-Gate"
)

// reply is the response to one request.
type reply struct {
	status string // such as "200 OK"
	code   int
	header http.Header
	body   []byte
	err    error // why the body is not whole
}

// request is one request; the zero value gets "/".
type request struct {
	limit  time.Duration // of the whole exchange; zero is the probe's patience
	head   time.Duration // until the head of the reply arrives; zero is no separate bound
	via    *http.Transport
	host   string // empty is the server's own
	method string // empty is GET
	path   string // below the mount, as sent; empty is "/"
	fields []string
	body   io.Reader // sent chunked, unless net/http knows its length, as of a *strings.Reader
	length int64     // of a body whose length net/http does not know
}

// do sends a request and reads the whole reply. A reply whose body breaks off has err set. Without
// a head the case ends.
func (p *probe) do(q request) *reply {
	resp, cancel := p.start(q)
	defer cancel()
	defer resp.Body.Close()
	r := newReply(resp)
	r.body, r.err = io.ReadAll(resp.Body)
	p.replies = append(p.replies, r)
	return r
}

func newReply(resp *http.Response) *reply {
	return &reply{status: resp.Status, code: resp.StatusCode, header: resp.Header}
}

// get is doWhole for a GET.
func (p *probe) get(path string, code int, fields ...string) *reply {
	return p.doWhole(request{path: path, fields: fields}, code)
}

// doWhole is do for a request whose reply must be complete and have that status code.
func (p *probe) doWhole(q request, code int) *reply {
	r := p.do(q)
	if r.code != code {
		p.fatalf("got status %q, body %s; want %d", r.status, short(string(r.body)), code)
	}
	if r.err != nil {
		p.fatalf("the body broke off after %d bytes: %v", len(r.body), r.err)
	}
	return r
}

// large is do for a reply whose body must be c. It does not hold the body in memory.
func (p *probe) large(q request, c content) {
	resp, cancel := p.start(q)
	defer cancel()
	defer resp.Body.Close()
	p.replies = append(p.replies, newReply(resp))
	if err := c.compare(resp.Body); err != nil {
		p.errorf("body: got %v; want %d bytes as sent", err, int64(c))
	}
}

// start sends a request and returns once the head of its reply has arrived.
func (p *probe) start(q request) (*http.Response, context.CancelFunc) {
	resp, cancel, err := p.send(q)
	if err != nil {
		p.fatalf("no reply: %v", err)
	}
	return resp, cancel
}

func (p *probe) send(q request) (*http.Response, context.CancelFunc, error) {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(q.limit, p.patience))
	req, err := http.NewRequestWithContext(ctx, q.method, p.base+cmp.Or(q.path, "/"), q.body)
	if err != nil {
		cancel()
		p.fatalf("bad request in the suite: %v", err)
	}
	for i := 0; i < len(q.fields); i += 2 {
		req.Header.Add(q.fields[i], q.fields[i+1])
	}
	req.Header.Set(caseField, p.name)
	req.Host = q.host
	if q.length != 0 {
		req.ContentLength = q.length
	}
	if q.head > 0 {
		late := time.AfterFunc(q.head, cancel)
		defer late.Stop()
	}
	resp, err := cmp.Or(q.via, client).RoundTrip(req)
	if err != nil {
		cancel()
	}
	return resp, cancel, err
}

// fails reports whether the client can see that the reply is not complete: no reply comes, its body
// breaks off, or its status is 500 or more. A gateway that has not sent the head yet can still
// answer 502.
func (p *probe) fails(q request) (seen bool, body string) {
	resp, cancel, err := p.send(q)
	if err != nil {
		return isBreak(err), ""
	}
	defer cancel()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return isBreak(err) || resp.StatusCode >= 500, string(b)
}

// isBreak reports whether the server broke the exchange: err is not a timeout of the client.
func isBreak(err error) bool { return err != nil && !errors.Is(err, context.DeadlineExceeded) }

// newClient returns a client that follows no redirect and accepts any certificate.
func newClient() *http.Transport {
	return &http.Transport{
		DisableCompression:     true,
		MaxResponseHeaderBytes: 1 << 20,
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: true},
	}
}

// client keeps no connection, so that no case depends on the connection of another.
var client = func() *http.Transport {
	c := newClient()
	c.DisableKeepAlives = true
	return c
}()

// dial connects to the mount for a request that package net/http would not write.
func (p *probe) dial() net.Conn {
	c, err := net.DialTimeout("tcp", p.url.Host, p.patience)
	if err != nil {
		p.fatalf("no connection: %v", err)
	}
	c.SetDeadline(time.Now().Add(p.patience))
	if p.url.Scheme == "https" {
		return tls.Client(c, newClient().TLSClientConfig)
	}
	return c
}

// write sends a request for "/" with these fields, each "Name: value", and then the bytes of rest.
func (p *probe) write(c net.Conn, method, rest string, fields ...string) {
	fields = append(fields, "Host: "+p.url.Host, caseField+": "+p.name, "Connection: close")
	_, err := fmt.Fprintf(c, "%s %s/ HTTP/1.1\r\n%s\r\n\r\n%s", method, p.url.EscapedPath(), strings.Join(fields, "\r\n"), rest)
	if err != nil {
		p.fatalf("the request was not sent: %v", err)
	}
}

// raw sends a request for "/" without a body and returns the response as bytes: its head, and all
// that follows.
func (p *probe) raw(method string) (head, rest string) {
	c := p.dial()
	defer c.Close()
	p.write(c, method, "")
	all, err := io.ReadAll(c)
	head, rest, ok := strings.Cut(string(all), "\r\n\r\n")
	if err != nil || !ok {
		p.fatalf("got %s, %v; want a whole response", short(string(all)), err)
	}
	return head, rest
}

// readExactly reads n bytes of a reply that may not be complete yet.
func readExactly(resp *http.Response, n int) (string, error) {
	b := make([]byte, n)
	got, err := io.ReadFull(resp.Body, b)
	return string(b[:got]), err
}

// chunked hides a reader's length, so that the body is sent chunked.
func chunked(s string) io.Reader { return struct{ io.Reader }{strings.NewReader(s)} }
