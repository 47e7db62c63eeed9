package scgi

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// nginxRequest is what nginx 1.22 sends for a GET with its stock scgi_params and a browser's
// fields: 25 variables.
var nginxRequest = request("",
	"REQUEST_METHOD", "GET", "REQUEST_URI", "/app/page?x=1", "QUERY_STRING", "x=1", "CONTENT_TYPE", "",
	"DOCUMENT_URI", "/app/page", "DOCUMENT_ROOT", "/usr/share/nginx/html", "SERVER_PROTOCOL", "HTTP/1.1",
	"REQUEST_SCHEME", "http", "REMOTE_ADDR", "127.0.0.1", "REMOTE_PORT", "51334", "SERVER_PORT", "8080",
	"SERVER_NAME", "localhost", "HTTP_HOST", "localhost", "HTTP_CONNECTION", "keep-alive",
	"HTTP_CACHE_CONTROL", "max-age=0", "HTTP_UPGRADE_INSECURE_REQUESTS", "1",
	"HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0",
	"HTTP_ACCEPT", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "HTTP_SEC_FETCH_SITE", "none",
	"HTTP_SEC_FETCH_MODE", "navigate", "HTTP_ACCEPT_ENCODING", "gzip, deflate", "HTTP_ACCEPT_LANGUAGE", "en-GB,en;q=0.9",
	"HTTP_COOKIE", "session=0123456789abcdef")

// The bounds are goals of the project: at most 3 allocations to decode, at most 12 for all of a
// request.
func TestAllocations(t *testing.T) {
	raw := []byte(nginxRequest)
	start, size, err := netstringSize(raw, 0)
	if err != nil {
		t.Fatal(err)
	}
	block := raw[start : start+int(size)]
	if n := bytes.Count(block, []byte{0}); n != 2*25 {
		t.Fatalf("the request has %d/2 variables; want 25", n)
	}
	if n := testing.AllocsPerRun(100, func() { decodeBlock(new(util.EnvironText), block, start, 1024) }); n > 3 {
		t.Errorf("decoding allocates %v times; want at most 3", n)
	}
}

func TestAllocationsOfARequest(t *testing.T) {
	l := listenOn(t, "unix")
	defer l.Close()
	buf := make([]byte, 4096)
	count := func(serve func(net.Conn)) float64 {
		return testing.AllocsPerRun(100, func() {
			c, err := net.Dial("unix", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, nginxRequest)
			accepted, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			serve(accepted)
			if n, _ := c.Read(buf); string(buf[:n]) != helloAnswer {
				t.Fatalf("got %q", buf[:n])
			}
		})
	}
	floor := count(func(c net.Conn) {
		c.Read(buf)
		io.WriteString(c, helloAnswer)
		c.Close()
	})
	sv := newService(&Server{App: hello})
	ours := count(func(c net.Conn) { sv.serveConn(context.Background(), c, c.RemoteAddr, func() bool { return true }) })
	t.Logf("%v allocations; a server that reads, writes and closes makes %v of them", ours, floor)
	if ours-floor > 12 && !raceDetector {
		t.Errorf("a request allocates %v times; want at most 12", ours-floor)
	}
}

func BenchmarkDecode(b *testing.B) {
	raw := []byte(nginxRequest)
	start, size, err := netstringSize(raw, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(size)
	for b.Loop() {
		if _, err := decodeBlock(new(util.EnvironText), raw[start:start+int(size)], start, 1024); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHello has the clients in the same process, for profiles. The benchmark
// `go run ./cmd/internal/bench scgi` compares with a floor, and has them in another.
func BenchmarkHello(b *testing.B) {
	for _, network := range []string{"unix", "tcp"} {
		b.Run(network, func(b *testing.B) {
			l := listenOn(b, network)
			s := &Server{App: gateway.AppFunc(hello)}
			go s.Serve(l)
			defer s.Close()
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				buf := make([]byte, 4096)
				for pb.Next() {
					if err := askOnce(l.Addr(), buf); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func askOnce(addr net.Addr, buf []byte) error {
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, nginxRequest); err != nil {
		return err
	}
	for {
		if _, err := c.Read(buf); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
