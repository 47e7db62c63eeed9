package fastcgi_test

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// nginxHello is a request as nginx sends it: its stock variables, a browser's few fields, on a
// connection that it keeps.
func nginxHello() string {
	return head(1, keepConn, "SCRIPT_FILENAME", "/srv/www/app", "QUERY_STRING", "", "REQUEST_METHOD", "GET", "CONTENT_TYPE", "",
		"CONTENT_LENGTH", "", "SCRIPT_NAME", "/hello", "REQUEST_URI", "/hello", "DOCUMENT_URI", "/hello", "DOCUMENT_ROOT", "/srv/www",
		"SERVER_PROTOCOL", "HTTP/1.1", "REQUEST_SCHEME", "http", "GATEWAY_INTERFACE", "CGI/1.1", "SERVER_SOFTWARE", "nginx/1.22.1",
		"REMOTE_ADDR", "127.0.0.1", "REMOTE_PORT", "40000", "SERVER_ADDR", "127.0.0.1", "SERVER_PORT", "80", "SERVER_NAME", "localhost",
		"REDIRECT_STATUS", "200", "HTTP_HOST", "localhost", "HTTP_USER_AGENT", "curl/7.88.1", "HTTP_ACCEPT", "*/*",
		"HTTP_ACCEPT_ENCODING", "gzip") + rec(typeStdin, 1, "")
}

// BenchmarkHello answers small requests on one kept connection of a unix socket. It measures client
// and server together.
func BenchmarkHello(b *testing.B) {
	l, err := net.Listen("unix", filepath.Join(b.TempDir(), "s"))
	if err != nil {
		b.Fatal(err)
	}
	srv := &fastcgi.Server{App: gateway.AppFunc(hello)}
	go srv.Serve(l)
	defer srv.Close()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	request, answer := []byte(nginxHello()), make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		n, err := io.ReadAtLeast(c, answer, 2*8)
		if err != nil || !bytes.HasSuffix(answer[:n], []byte("\x01\x03\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")) {
			b.Fatalf("got %q, %v", answer[:n], err)
		}
	}
}
