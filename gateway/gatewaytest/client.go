package gatewaytest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// caseField says which case a request belongs to; gateField names the port at which its App waits for the client.
const (
	caseField = "X-Gatewaytest-Case"
	gateField = "X-Gatewaytest-Gate"
)

// patience bounds one exchange: a server that hangs fails its case, and not the whole run. A head that an App has flushed is
// there at once or not at all, so it is waited for less long.
const (
	patience      = 30 * time.Second
	flushPatience = 5 * time.Second
)

// reply is what came back for one request.
type reply struct {
	status string // such as "200 OK"
	code   int
	header http.Header
	body   []byte
	err    error // why the body is not whole
}

// request is one request; the zero value gets "/".
type request struct {
	limit  time.Duration // zero is patience
	method string        // empty is GET
	path   string        // behind the mount, as it goes on the wire; empty is "/"
	fields []string
	body   io.Reader // sent chunked, but for a *strings.Reader and its like
}

// do sends a request and reads the whole reply. A reply whose body breaks off is returned with its err set; one without a
// head ends the case.
func (p *probe) do(q request) *reply {
	resp, cancel := p.open(q)
	defer cancel()
	defer resp.Body.Close()
	r := &reply{status: resp.Status, code: resp.StatusCode, header: resp.Header}
	r.body, r.err = io.ReadAll(resp.Body)
	p.replies = append(p.replies, r)
	return r
}

// get is do for a GET that must be answered whole with that status code.
func (p *probe) get(path string, code int, fields ...string) *reply {
	return p.whole(request{path: path, fields: fields}, code)
}

// whole is do for a request that must be answered whole with that status code.
func (p *probe) whole(q request, code int) *reply {
	r := p.do(q)
	if r.code != code {
		p.fatalf("got status %q, body %s; want %d", r.status, short(string(r.body)), code)
	}
	if r.err != nil {
		p.fatalf("the body broke off after %d bytes: %v", len(r.body), r.err)
	}
	return r
}

// open sends a request and returns when the head of its reply is there.
func (p *probe) open(q request) (*http.Response, context.CancelFunc) {
	resp, cancel, err := p.send(q)
	if err != nil {
		p.fatalf("no reply: %v", err)
	}
	return resp, cancel
}

func (p *probe) send(q request) (*http.Response, context.CancelFunc, error) {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(q.limit, patience))
	req, err := http.NewRequestWithContext(ctx, q.method, p.base+cmp.Or(q.path, "/"), q.body)
	if err != nil {
		cancel()
		p.fatalf("bad request in the suite: %v", err)
	}
	for i := 0; i < len(q.fields); i += 2 {
		req.Header.Add(q.fields[i], q.fields[i+1])
	}
	req.Header.Set(caseField, p.name)
	resp, err := client.RoundTrip(req)
	if err != nil {
		cancel()
	}
	return resp, cancel, err
}

// fails reports whether the client can see that the reply is not whole: there is none, it breaks off, or a gateway in between
// that still had the head says so with a 502.
func (p *probe) fails(q request) (seen bool, body string) {
	resp, cancel, err := p.send(q)
	if err != nil {
		return true, ""
	}
	defer cancel()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return err != nil || resp.StatusCode >= 500, string(b)
}

// client follows no redirect, and keeps no connection: what one case did to a connection must not matter to the next.
var client = &http.Transport{DisableCompression: true, DisableKeepAlives: true, MaxResponseHeaderBytes: 1 << 20}

// gate is where an App waits for the client: that is how a case knows what had arrived before the App went on.
type gate struct {
	l net.Listener
}

func (p *probe) newGate() *gate {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.fatalf("gate: %v", err)
	}
	return &gate{l}
}

// fields returns the request field that tells the App of the gate.
func (g *gate) field() string { return strconv.Itoa(g.l.Addr().(*net.TCPAddr).Port) }

// open lets the App go on. It waits for it to arrive.
func (g *gate) open() error {
	g.l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	c, err := g.l.Accept()
	if err != nil {
		return err
	}
	return c.Close()
}

func (g *gate) close() { g.l.Close() }

// readExactly reads n bytes of a reply that is still under way.
func readExactly(resp *http.Response, n int) (string, error) {
	b := make([]byte, n)
	got, err := io.ReadFull(resp.Body, b)
	return string(b[:got]), err
}

// chunked hides a reader's length, so that the body is sent chunked.
func chunked(s string) io.Reader { return struct{ io.Reader }{strings.NewReader(s)} }

// pattern is n bytes that repeat after a prime number of bytes, so that a block lost or moved shows.
func pattern(n int) []byte {
	unit := make([]byte, 251)
	for i := range unit {
		unit[i] = byte(i)
	}
	return bytes.Repeat(unit, n/len(unit)+1)[:n]
}

var errGate = errors.New("gatewaytest: no gate in the request")
