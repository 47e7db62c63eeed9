package fastcgi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// nginxRow is one way in which nginx reaches an application.
type nginxRow struct {
	network                       string
	keep                          bool // nginx keeps connections
	bufferRequest, bufferResponse bool
}

func nginxRows() []nginxRow {
	var all []nginxRow
	for _, network := range []string{"tcp", "unix"} {
		for bits := range 8 {
			all = append(all, nginxRow{network, bits&1 > 0, bits&2 > 0, bits&4 > 0})
		}
	}
	return all
}

func (n nginxRow) String() string {
	return fmt.Sprintf("%s keep=%t buffers request=%t response=%t", n.network, n.keep, n.bufferRequest, n.bufferResponse)
}

// nginxPeer is an application and the nginx in front of it.
type nginxPeer struct {
	row    nginxRow
	server *server
	nginx  *webserver.Server
	resume chan struct{} // lets the App go on where the client has seen what it has sent so far
	told   chan error    // what a request's context ended with
}

func startNginx(t *testing.T, row nginxRow) *nginxPeer {
	t.Helper()
	p := &nginxPeer{row: row, resume: make(chan struct{}), told: make(chan error, 1)}
	p.server = startPeer(t, row.network, &fastcgi.Server{App: p})
	p.nginx = webserver.Start(t, webserver.Config{
		Template: "nginx-fastcgi", Mount: "/app", Backend: p.server.addr,
		KeepAlive: row.keep, BufferRequest: row.bufferRequest, BufferResponse: row.bufferResponse,
	})
	return p
}

// ServeGateway implements gateway.App. Where nginx would collect the response, a field tells it not
// to.
func (p *nginxPeer) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	if p.row.bufferResponse {
		w.Headers().Set("X-Accel-Buffering", "no")
	}
	switch r.Environ.Get("PATH_INFO") {
	case "/panic":
		panic("early")
	case "/early":
		return p.early(w)
	case "/break":
		if err := p.part(w); err != nil {
			return err
		}
		panic("late")
	case "/stream":
		if err := p.part(w); err != nil {
			return err
		}
		_, err := io.WriteString(w, "rest")
		return err
	case "/gone":
		return p.gone(w, r)
	}
	fmt.Fprintf(r.Stderr, "says: %s\n", r.Environ.Get("QUERY_STRING"))
	if length, ok := r.Environ.Lookup("CONTENT_LENGTH"); ok && length != "" {
		w.Headers().Set("X-Declared", length)
	}
	return readBody(w, r)
}

// early sends a head: "Status: 200 OK\r\nX: 12\r\n\r\n" is 25 bytes, so padding would follow.
func (p *nginxPeer) early(w gateway.ResponseWriter) error {
	w.Headers().Set("X", "12")
	if err := w.Flush(); err != nil {
		return err
	}
	<-p.resume
	return nil
}

func (p *nginxPeer) part(w gateway.ResponseWriter) error {
	if _, err := io.WriteString(w, "part"); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	<-p.resume
	return nil
}

func (p *nginxPeer) gone(w gateway.ResponseWriter, r *gateway.Request) error {
	if _, err := io.WriteString(w, "part"); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	ctx := r.Context()
	select {
	case <-ctx.Done():
		p.told <- context.Cause(ctx)
	case <-time.After(patience):
		p.told <- nil
	}
	return nil
}

// TestNginx asks every row for the same.
func TestNginx(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T) {
		t.Parallel()
		for _, row := range nginxRows() {
			t.Run(row.String(), func(t *testing.T) {
				t.Parallel()
				p := startNginx(t, row)
				p.checkConnections(t)
				p.checkUnknownLength(t)
				p.checkHead(t)
				p.checkFailures(t)
				if !differs(t, "padding") {
					p.checkEarlyHead(t)
				}
				p.checkStream(t)
				p.checkGone(t)
				if !differs(t, "FCGI_STDERR") {
					p.checkErrorLog(t)
				}
				p.checkPost(t, 3)
			})
		}
	})
}

// checkConnections counts what nginx needs for some requests, bodies of 5 MB among them.
func (p *nginxPeer) checkConnections(t *testing.T) {
	t.Helper()
	sizes := []int{0, 1, 20_000, 70_000, 5_000_000, 3}
	for _, size := range sizes {
		p.checkPost(t, size)
	}
	want := uint64(len(sizes))
	if p.row.keep {
		want = 1
	}
	if n := p.server.Stats().Accepted; uint64(n) != want {
		t.Errorf("nginx made %d connections for %d requests; want %d (F17, F29)", n, len(sizes), want)
	}
}

func (p *nginxPeer) checkPost(t *testing.T, size int) {
	t.Helper()
	p.post(t, strings.NewReader(strings.Repeat("x", size)), size, fmt.Sprint(size))
}

// checkUnknownLength: nginx sends a chunked body as it comes, without CONTENT_LENGTH, unless it
// collects it (F27).
func (p *nginxPeer) checkUnknownLength(t *testing.T) {
	t.Helper()
	const size = 300_000
	declared := ""
	if p.row.bufferRequest {
		declared = fmt.Sprint(size)
	}
	p.post(t, struct{ io.Reader }{strings.NewReader(strings.Repeat("x", size))}, size, declared)
}

func (p *nginxPeer) post(t *testing.T, body io.Reader, size int, declared string) {
	t.Helper()
	resp, err := peerClient.Post(p.nginx.URL+"/a%2Fb?q=1", "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != "/app|/a/b|q=1" || resp.Header.Get("X-Length") != fmt.Sprint(size) || resp.Header.Get("X-Declared") != declared {
		t.Errorf("body of %d, declared %q: got %q, %v, %v", size, declared, got, resp.Header, err)
	}
}

func (p *nginxPeer) checkHead(t *testing.T) {
	t.Helper()
	resp, err := peerClient.Head(p.nginx.URL + "/h")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.ContentLength != int64(len("/app|/h|")) {
		t.Errorf("HEAD: got %d, length %d", resp.StatusCode, resp.ContentLength)
	}
}

// checkFailures has a panic before the first byte, and one that is raised when the client has read
// some: the second must not look like the end of a whole response.
func (p *nginxPeer) checkFailures(t *testing.T) {
	t.Helper()
	resp := p.get(t, "/panic")
	resp.Body.Close()
	if resp.StatusCode != 500 {
		t.Errorf("panic: got %d", resp.StatusCode)
	}
	resp = p.get(t, "/break")
	defer resp.Body.Close()
	readPart(t, resp)
	p.resume <- struct{}{}
	if rest, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("a broken response ended well, with %q", rest)
	}
}

// checkEarlyHead has a head that is flushed before there is a body: it must not wait in nginx.
func (p *nginxPeer) checkEarlyHead(t *testing.T) {
	t.Helper()
	resp := p.get(t, "/early")
	p.resume <- struct{}{}
	defer resp.Body.Close()
	if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil || resp.Header.Get("X") != "12" {
		t.Errorf("got %q, %v, %v", rest, resp.Header, err)
	}
}

// checkStream: what is flushed is there while the App waits for the client to have it.
func (p *nginxPeer) checkStream(t *testing.T) {
	t.Helper()
	resp := p.get(t, "/stream")
	defer resp.Body.Close()
	readPart(t, resp)
	p.resume <- struct{}{}
	if rest, err := io.ReadAll(resp.Body); string(rest) != "rest" || err != nil {
		t.Errorf("got %q, %v; want the rest", rest, err)
	}
}

// checkGone: a client that goes away ends the request's context, though nothing is written to it
// (F43).
func (p *nginxPeer) checkGone(t *testing.T) {
	t.Helper()
	resp := p.get(t, "/gone")
	readPart(t, resp)
	resp.Body.Close() // and with it the connection
	if err := <-p.told; err == nil {
		t.Errorf("the context has not ended %v after the client went away", patience)
	}
}

// checkErrorLog: what an App has to say is in nginx's own log, with what nginx adds to it, such as
// the request.
func (p *nginxPeer) checkErrorLog(t *testing.T) {
	t.Helper()
	const said = `FastCGI sent in stderr: "says: q=1" while reading response header from upstream`
	for end := time.Now().Add(patience); !strings.Contains(p.nginx.ErrorLog(), said); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in nginx's log", said)
		}
	}
	if log := p.server.log.String(); strings.Contains(log, "says:") {
		t.Errorf("the server's own log has it too: %s", log)
	}
}

func (p *nginxPeer) get(t *testing.T, path string) *http.Response {
	t.Helper()
	resp, err := peerClient.Get(p.nginx.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func readPart(t *testing.T, resp *http.Response) {
	t.Helper()
	part := make([]byte, len("part"))
	if _, err := io.ReadFull(resp.Body, part); err != nil || string(part) != "part" {
		t.Fatalf("got %q, %v; want what was flushed", part, err)
	}
}
