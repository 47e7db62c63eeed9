package gateway

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/util"
)

var nginx = [][2]string{
	{"QUERY_STRING", "a=1&b=2"}, {"REQUEST_METHOD", "GET"}, {"CONTENT_TYPE", ""}, {"CONTENT_LENGTH", ""},
	{"SCRIPT_NAME", "/app"}, {"PATH_INFO", "/hello"}, {"REQUEST_URI", "/app/hello?a=1&b=2"}, {"DOCUMENT_URI", "/app/hello"},
	{"DOCUMENT_ROOT", "/var/www"}, {"SERVER_PROTOCOL", "HTTP/1.1"}, {"REQUEST_SCHEME", "http"}, {"GATEWAY_INTERFACE", "CGI/1.1"},
	{"SERVER_SOFTWARE", "nginx/1.22.1"}, {"REMOTE_ADDR", "127.0.0.1"}, {"REMOTE_PORT", "50000"}, {"SERVER_ADDR", "127.0.0.1"},
	{"SERVER_PORT", "80"}, {"SERVER_NAME", "localhost"}, {"REDIRECT_STATUS", "200"}, {"HTTP_HOST", "localhost"},
	{"HTTP_USER_AGENT", "curl/7.88.1"}, {"HTTP_ACCEPT", "*/*"}, {"HTTP_COOKIE", "a=b; c=d"}, {"HTTP_X_FOO", "bar"}, {"HTTP_ACCEPT_ENCODING", "gzip"},
}

func nginxEnviron() *util.Environ {
	e := util.NewEnviron()
	for _, v := range nginx {
		e.Add(v[0], v[1])
	}
	return e
}

var hello = []byte("Hello, world!\n")

func helloApp(w ResponseWriter, r *Request) error {
	w.Headers().Set("Content-Type", "text/plain; charset=utf-8")
	w.Start("200 OK")
	_, err := w.Write(hello)
	return err
}

// discardConn is Stdout as a transport would have it: something on the heap.
type discardConn struct{ n int }

func (d *discardConn) Write(p []byte) (int, error) { d.n += len(p); return len(p), nil }

// TestRunAllocates at most 5 times for a hello App, the handler and the environ included.
func TestRunAllocates(t *testing.T) {
	out := &discardConn{}
	app := AppFunc(helloApp)
	got := testing.AllocsPerRun(1000, func() {
		h := &BaseCGIHandler{Environ: nginxEnviron(), Stdin: strings.NewReader(""), Stdout: out, Stderr: io.Discard}
		if err := h.Run(context.Background(), app); err != nil {
			t.Fatal(err)
		}
	})
	if got > 5 {
		t.Errorf("got %v allocations; want at most 5", got)
	}
	t.Logf("%v allocations", got)
}

func BenchmarkRun(b *testing.B) {
	out := &discardConn{}
	app := AppFunc(helloApp)
	b.ReportAllocs()
	for b.Loop() {
		h := &BaseCGIHandler{Environ: nginxEnviron(), Stdout: out, Stderr: io.Discard}
		if err := h.Run(context.Background(), app); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadResponse(b *testing.B) {
	const head = "Status: 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 14\r\n\r\nHello, world!\n"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadResponse(io.NopCloser(strings.NewReader(head)), 0); err != nil {
			b.Fatal(err)
		}
	}
}
