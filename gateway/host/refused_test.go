package host_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

// line is an Access as an access log shows it.
func line(a *gateway.Access) string {
	e := a.Request.Environ
	return fmt.Sprintf("%s %.40q %.40q %s %d %d", e.Get("REMOTE_ADDR"), e.Get("REQUEST_METHOD"), e.Get("REQUEST_URI"), e.Get("SERVER_PROTOCOL"), a.Status, a.Bytes)
}

// accesses collects the lines of requests, in the order of the calls of Access.
type accesses chan string

func (c accesses) done(a *gateway.Access) { c <- line(a) }

// next returns the next line.
func (c accesses) next(t *testing.T) string {
	t.Helper()
	select {
	case s := <-c:
		return s
	case <-time.After(20 * time.Second):
		t.Fatal("no line")
		return ""
	}
}

// none checks that no line is left.
func (c accesses) none(t *testing.T) {
	t.Helper()
	select {
	case s := <-c:
		t.Errorf("got the line %s too", s)
	default:
	}
}

// hello is an App that reads its body.
var hello = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	if _, err := io.Copy(io.Discard, r.Stdin); err != nil {
		return err
	}
	_, err := io.WriteString(w, "hello")
	return err
})

// serveOn serves on a new address until the test ends.
func serveOn(t *testing.T, serve func(net.Listener) error, end func() error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go serve(l)
	t.Cleanup(func() { end() })
	return l.Addr().String()
}

// exchangeBytes sends bytes to a server and returns its whole answer.
func exchangeBytes(t *testing.T, addr, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(c)
	return string(answer)
}

// TestRefusedHTTP: each request has one line with its answer, whether the App, the server or
// net/http answered it.
func TestRefusedHTTP(t *testing.T) {
	for _, c := range []struct {
		name, request string
		status        int
		want          string // method, target, protocol
	}{
		{"answered", "GET /app HTTP/1.1\r\nHost: x\r\n\r\n", 200, `"GET" "/app" HTTP/1.1`},
		{"no Host", "GET /app HTTP/1.1\r\n\r\n", 400, `"GET" "/app" HTTP/1.1`},
		{"no HTTP", "hello\r\n\r\n", 400, `"" "" `},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, `"" "" `},
		{"bad escape", "GET /app/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, `"GET" "/app/%zz" HTTP/1.1`},
		{"two lengths", "POST /app HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, `"POST" "/app" HTTP/1.1`},
		{"unknown coding", "POST /app HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: zip\r\n\r\n", 501, `"POST" "/app" HTTP/1.1`},
		{"HTTP/3.0", "GET /app HTTP/3.0\r\nHost: x\r\n\r\n", 505, `"GET" "/app" HTTP/3.0`},
		{"expectation", "GET /app HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n", 417, `"GET" "/app" HTTP/1.1`},
		{"head too large", "GET /app HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 100_000) + "\r\n\r\n", 431, `"GET" "/app" HTTP/1.1`},
		{"target too long", "GET /app/" + strings.Repeat("x", 66_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, `"GET" "/app/` + strings.Repeat("x", 35) + `" HTTP/1.1`},
		{"too many fields", "GET /app HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 20) + "\r\n", 431, `"GET" "/app" HTTP/1.1`},
		{"NUL in the path", "GET /app/%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, `"GET" "/app/%00" HTTP/1.1`},
		{"outside the mount", "GET /other HTTP/1.1\r\nHost: x\r\n\r\n", 404, `"GET" "/other" HTTP/1.1`},
		{"body too large", "POST /app HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world", 413, `"POST" "/app" HTTP/1.1`},
		{"body of unknown length too large", "POST /app HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n", 413, `"POST" "/app" HTTP/1.1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			told := make(accesses, 10)
			s := &httpapp.Server{
				App: gateway.Watch(hello, told.done), Refused: gateway.WatchRefusals(told.done), ErrorLog: quiet,
				Mount: "/app", MaxBodyBytes: 10, MaxParams: 10, MaxParamsBytes: 80_000,
			}
			addr := serveOn(t, s.Serve, s.Close)
			before := "GET /app/before HTTP/1.1\r\nHost: x\r\n\r\n"
			// the first request of a connection, and a later one
			for _, first := range []string{"", before} {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				in := bufio.NewReader(conn)
				if first != "" {
					io.WriteString(conn, first)
					resp, err := http.ReadResponse(in, nil)
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, resp.Body)
					if got := told.next(t); got != `127.0.0.1 "GET" "/app/before" HTTP/1.1 200 5` {
						t.Errorf("got %s for the request before", got)
					}
				}
				io.WriteString(conn, c.request)
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(resp.Body)
				want := fmt.Sprintf("127.0.0.1 %s %d %d", c.want, c.status, len(body))
				if got := told.next(t); got != want || resp.StatusCode != c.status {
					t.Errorf("got %s of a response with %d; want %s", got, resp.StatusCode, want)
				}
				conn.Close()
			}
			told.none(t)
		})
	}
}

// TestRefusedHead: the answer to HEAD has no bytes.
func TestRefusedHead(t *testing.T) {
	told := make(accesses, 10)
	s := &httpapp.Server{App: gateway.Watch(hello, told.done), Refused: gateway.WatchRefusals(told.done), ErrorLog: quiet, Mount: "/app", MaxBodyBytes: 1}
	addr := serveOn(t, s.Serve, s.Close)
	exchangeBytes(t, addr, "HEAD /other HTTP/1.0\r\n\r\n")
	exchangeBytes(t, addr, "HEAD /app HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello")
	for _, want := range []string{`127.0.0.1 "HEAD" "/other" HTTP/1.0 404 0`, `127.0.0.1 "HEAD" "/app" HTTP/1.0 413 0`} {
		if got := told.next(t); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
}

// TestRefusedBusy: a request above MaxRequests has a line too.
func TestRefusedBusy(t *testing.T) {
	told, inside, leave := make(accesses, 10), make(chan bool), make(chan bool)
	s := &httpapp.Server{Refused: gateway.WatchRefusals(told.done), ErrorLog: quiet, MaxRequests: 1, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		inside <- true
		<-leave
		return nil
	})}
	addr := serveOn(t, s.Serve, s.Close)
	first := make(chan string)
	go func() { first <- exchangeBytes(t, addr, "GET /1 HTTP/1.0\r\n\r\n") }()
	<-inside
	exchangeBytes(t, addr, "GET /2 HTTP/1.0\r\n\r\n")
	if got := told.next(t); got != `127.0.0.1 "GET" "/2" HTTP/1.0 503 37` {
		t.Errorf("got %s", got)
	}
	close(leave)
	<-first
}

// TestRefusedSCGI is TestRefusedHTTP for requests that an SCGI server refuses.
func TestRefusedSCGI(t *testing.T) {
	const get = "REQUEST_METHOD\x00GET\x00REQUEST_URI\x00/app\x00SERVER_PROTOCOL\x00HTTP/1.1\x00REMOTE_ADDR\x00192.0.2.1\x00"
	for _, c := range []struct{ name, head, want string }{
		{"answered", "CONTENT_LENGTH\x000\x00SCGI\x001\x00" + get, `192.0.2.1 "GET" "/app" HTTP/1.1 200 5`},
		{"malformed length", "CONTENT_LENGTH\x00+0\x00SCGI\x001\x00" + get, `192.0.2.1 "GET" "/app" HTTP/1.1 400 34`},
		{"empty length", "CONTENT_LENGTH\x00\x00SCGI\x001\x00" + get, `192.0.2.1 "GET" "/app" HTTP/1.1 411 50`},
		{"body too large", "CONTENT_LENGTH\x0011\x00SCGI\x001\x00" + get, `192.0.2.1 "GET" "/app" HTTP/1.1 413 31`},
		{"too many variables", "CONTENT_LENGTH\x000\x00SCGI\x001\x00" + strings.Repeat("X\x00y\x00", 20) + get, ` "" ""  431 38`},
		{"too large", "CONTENT_LENGTH\x000\x00SCGI\x001\x00X\x00" + strings.Repeat("x", 9_000) + "\x00" + get, ` "" ""  431 38`},
	} {
		t.Run(c.name, func(t *testing.T) {
			told := make(accesses, 10)
			s := &scgi.Server{App: gateway.Watch(hello, told.done), Refused: gateway.WatchRefusals(told.done), ErrorLog: quiet, MaxBodyBytes: 10, MaxParams: 10, MaxParamsBytes: 8_000}
			answer := exchangeBytes(t, serveOn(t, s.Serve, s.Close), fmt.Sprintf("%d:%s,", len(c.head), c.head))
			_, body, _ := strings.Cut(answer, "\r\n\r\n")
			if got := told.next(t); got != c.want || !strings.HasSuffix(got, fmt.Sprintf(" %d", len(body))) {
				t.Errorf("got %s of %q; want %s", got, answer, c.want)
			}
			told.none(t)
		})
	}
}

// TestRefusedFastCGI is the same for both FastCGI servers.
func TestRefusedFastCGI(t *testing.T) {
	get := []string{"REQUEST_METHOD", "GET", "REQUEST_URI", "/app", "SERVER_PROTOCOL", "HTTP/1.1", "REMOTE_ADDR", "192.0.2.1"}
	for _, c := range []struct {
		name string
		vars []string
		want string
	}{
		{"answered", get, `192.0.2.1 "GET" "/app" HTTP/1.1 200 5`},
		{"malformed length", append([]string{"CONTENT_LENGTH", "+0"}, get...), `192.0.2.1 "GET" "/app" HTTP/1.1 400 34`},
		{"body too large", append([]string{"CONTENT_LENGTH", "11"}, get...), `192.0.2.1 "GET" "/app" HTTP/1.1 413 31`},
		{"too many variables", append(slices.Repeat([]string{"X", "y"}, 20), get...), ` "" ""  431 38`},
		{"too large", append([]string{"X", strings.Repeat("x", 9_000)}, get...), ` "" ""  431 38`},
	} {
		engines := map[string]func(done func(*gateway.Access)) (serve func(net.Listener) error, end func() error){
			"Server": func(done func(*gateway.Access)) (func(net.Listener) error, func() error) {
				s := &fastcgi.Server{App: gateway.Watch(hello, done), Refused: gateway.WatchRefusals(done), ErrorLog: quiet, MaxBodyBytes: 10, MaxParams: 10, MaxParamsBytes: 8_000}
				return s.Serve, s.Close
			},
			"nethttp": func(done func(*gateway.Access)) (func(net.Listener) error, func() error) {
				s := &nethttp.Server{App: gateway.Watch(hello, done), Refused: gateway.WatchRefusals(done), ErrorLog: quiet, MaxBodyBytes: 10, MaxParams: 10, MaxParamsBytes: 8_000}
				return s.Serve, s.Close
			},
		}
		for engine, start := range engines {
			t.Run(c.name+" "+engine, func(t *testing.T) {
				told := make(accesses, 10)
				var pairs []byte
				for nv := range slices.Chunk(c.vars, 2) {
					pairs = wire.AppendPair(pairs, nv[0], nv[1])
				}
				b := wire.AppendBeginRequest(nil, 1, wire.BeginRequest{Role: wire.RoleResponder})
				b = wire.AppendRecord(wire.AppendRecord(b, wire.TypeParams, 1, pairs), wire.TypeParams, 1, nil)
				b = wire.AppendRecord(b, wire.TypeStdin, 1, nil)
				serve, end := start(told.done)
				answer := exchangeBytes(t, serveOn(t, serve, end), string(b))
				if got := told.next(t); got != c.want {
					t.Errorf("got %s of %q; want %s", got, answer, c.want)
				}
				told.none(t)
			})
		}
	}
}

// TestRefusedByHandler: a Handler in an http.Server reports the requests that it refuses itself.
func TestRefusedByHandler(t *testing.T) {
	told := make(accesses, 10)
	h := &host.Handler{Backend: says("Content-Type: a/b\n\nok"), Mount: "/app", MaxBodyBytes: 10, ErrorLog: quiet, Access: told.done}
	s := httptest.NewServer(h)
	defer s.Close()
	for _, c := range []struct{ request, want string }{
		{"GET /app/%00 HTTP/1.0\r\n\r\n", `127.0.0.1 "GET" "/app/%00" HTTP/1.0 400 34`},
		{"GET /app/ HTTP/1.0\r\n" + strings.Repeat("X: y\r\n", 2000) + "\r\n", `127.0.0.1 "GET" "/app/" HTTP/1.0 431 38`},
		{"POST /app/ HTTP/1.0\r\nContent-Length: 11\r\n\r\nhello world", `127.0.0.1 "POST" "/app/" HTTP/1.0 413 31`},
	} {
		exchangeBytes(t, s.Listener.Addr().String(), c.request)
		if got := told.next(t); got != c.want {
			t.Errorf("got %s; want %s", got, c.want)
		}
	}
	told.none(t)
}
