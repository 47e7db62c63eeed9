package fastcgi_test

import (
	"bufio"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// BenchmarkClient has an application that costs next to nothing: it reads a request and writes what
// is always the same.
func BenchmarkClient(b *testing.B) {
	for _, network := range []string{"tcp", "unix"} {
		b.Run(network, func(b *testing.B) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(b.TempDir(), "s")
			}
			l, err := net.Listen(network, address)
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					nc, err := l.Accept()
					if err != nil {
						return
					}
					go sayHello(nc)
				}
			}()
			address = l.Addr().String()
			if network == "unix" {
				address = "unix:" + address
			}
			c := &fastcgi.Client{Addr: address, MaxIdleConns: 64}
			defer c.Close()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					getHello(b, c)
				}
			})
		})
	}
}

// An exchange over a kept connection allocates the response, the exchange and little else.
func TestClientAllocations(t *testing.T) {
	c := applicationOn(t, "unix", func(a appConn) { sayHello(a.Conn) })
	c.MaxIdleConns = 1
	const most = 20
	if got := testing.AllocsPerRun(200, func() { getHello(t, c) }); got > most {
		t.Errorf("got %v allocations; want %d at most", got, most)
	}
}

// An exchange over a connection of its own allocates no new read buffer, which has 8 KiB.
func TestClientAllocatesNoBufferPerConnection(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		sayHelloToAll(l)
	}()
	defer func() { l.Close(); <-served }()
	c := &fastcgi.Client{Addr: "unix:" + l.Addr().String()}
	const exchanges, most = 300, 10 << 10 // race builds have a quarter of the buffers made anew
	getHello(t, c)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range exchanges {
		getHello(t, c)
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / exchanges; got >= most {
		t.Errorf("%d bytes for each exchange; want less than %d", got, most)
	}
}

// sayHelloToAll answers one connection after the other, each with one response, and uses the same
// memory for all.
func sayHelloToAll(l net.Listener) {
	answer := wire.AppendRecord(nil, wire.TypeStdout, 1, []byte("Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"))
	answer = wire.AppendEndRequest(answer, 1, wire.EndRequest{})
	for request := make([]byte, 4096); ; {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		nc.Read(request)
		nc.Write(answer)
		nc.Close()
	}
}

func getHello(b testing.TB, c gateway.Backend) {
	resp, err := c.RoundTrip(&gateway.Request{Environ: benchEnviron})
	if err != nil {
		b.Error(err)
		return
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != 13 || err != nil {
		b.Errorf("got %d bytes, %v", n, err)
	}
	resp.Body.Close()
}

// benchEnviron is about what nginx sends.
var benchEnviron = util.EnvironFromMap(map[string]string{
	"REQUEST_METHOD": "GET", "QUERY_STRING": "", "CONTENT_TYPE": "", "CONTENT_LENGTH": "", "SCRIPT_NAME": "/app", "REQUEST_URI": "/app/hello",
	"DOCUMENT_URI": "/app/hello", "DOCUMENT_ROOT": "/var/www/html", "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_SCHEME": "http",
	"GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "nginx/1.22.1", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "54321",
	"SERVER_ADDR": "127.0.0.1", "SERVER_PORT": "80", "SERVER_NAME": "localhost", "REDIRECT_STATUS": "200", "HTTP_HOST": "localhost",
	"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "HTTP_ACCEPT": "*/*",
})

// sayHello answers what comes on nc.
func sayHello(nc net.Conn) {
	defer nc.Close()
	in := bufio.NewReader(nc)
	records := wire.NewRecordReader(in)
	var answer []byte
	for {
		h, _, err := records.Next()
		if err != nil {
			return
		}
		if h.Type != wire.TypeStdin || h.ContentLength > 0 {
			continue
		}
		answer = wire.AppendRecord(answer[:0], wire.TypeStdout, h.ID, []byte("Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"))
		answer = wire.AppendRecord(answer, wire.TypeStdout, h.ID, nil)
		answer = wire.AppendEndRequest(answer, h.ID, wire.EndRequest{})
		if _, err := nc.Write(answer); err != nil {
			return
		}
	}
}
