//go:build unix

package host_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

// silentBackends never answer: their applications read everything, and wait.
func silentBackends(t *testing.T) []rawBackend {
	t.Helper()
	script := filepath.Join(webserver.Dir(t), "silent.sh")
	webserver.WriteProgram(t, script, "#!/bin/sh\ncat >/dev/null\nexec sleep 1000\n")
	silence := func(c net.Conn) error {
		_, err := io.Copy(io.Discard, c)
		return err
	}
	fcgi := &fastcgi.Client{Addr: rawPeer(t, silence).String()}
	t.Cleanup(func() { fcgi.Close() })
	return []rawBackend{
		{"cgi", &cgi.Script{Path: script}},
		{"scgi", &scgi.Client{Addr: rawPeer(t, silence).String()}},
		{"fastcgi", fcgi},
		{"local", gateway.Local(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			if _, err := io.Copy(io.Discard, r.Stdin); err != nil {
				return err
			}
			<-r.Context().Done()
			return r.Context().Err()
		}))},
	}
}

// front is a server of this module in front of an App. Its requests are written byte by byte.
type front struct {
	name  string
	serve func(l net.Listener, app gateway.App) (stop func())
	post  func(length string, body string) string // a request; length is that of its head
}

// lateBody is the fronts' bound on each wait for a body, in tests that exceed it.
const lateBody = 50 * time.Millisecond

func fronts() []front {
	return []front{
		{"net/http", func(l net.Listener, app gateway.App) func() {
			s := &http.Server{Handler: httpapp.Handler(app), ErrorLog: nil}
			go s.Serve(l)
			return func() { s.Close() }
		}, httpPost},
		{"httpapp", func(l net.Listener, app gateway.App) func() {
			s := &httpapp.Server{App: app, ErrorLog: quiet, ReadTimeout: lateBody}
			go s.Serve(l)
			return func() { s.Close() }
		}, httpPost},
		{"scgi", func(l net.Listener, app gateway.App) func() {
			s := &scgi.Server{App: app, ErrorLog: quiet, ReadTimeout: lateBody}
			go s.Serve(l)
			return func() { s.Close() }
		}, scgiPost},
		{"fastcgi", func(l net.Listener, app gateway.App) func() {
			s := &fastcgi.Server{App: app, ErrorLog: quiet, ReadTimeout: lateBody}
			go s.Serve(l)
			return func() { s.Close() }
		}, fastcgiPost},
	}
}

func httpPost(length, body string) string {
	if length == "chunked" {
		return "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
	}
	return "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\n\r\n" + body
}

func scgiPost(length, body string) string {
	head := "CONTENT_LENGTH\x00" + length + "\x00SCGI\x001\x00REQUEST_METHOD\x00POST\x00SCRIPT_NAME\x00\x00PATH_INFO\x00/x\x00"
	return fmt.Sprintf("%d:%s,%s", len(head), head, body)
}

func fastcgiPost(length, body string) string {
	var pairs []byte
	for _, v := range [][2]string{{"CONTENT_LENGTH", length}, {"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", ""}, {"PATH_INFO", "/x"}} {
		pairs = wire.AppendPair(pairs, v[0], v[1])
	}
	b := wire.AppendBeginRequest(nil, 1, wire.BeginRequest{Role: wire.RoleResponder})
	b = wire.AppendRecord(b, wire.TypeParams, 1, pairs)
	b = wire.AppendRecord(b, wire.TypeParams, 1, nil)
	if body != "" {
		b = wire.AppendRecord(b, wire.TypeStdin, 1, []byte(body))
	}
	if length == fmt.Sprint(len(body)) { // otherwise more follows
		b = wire.AppendRecord(b, wire.TypeStdin, 1, nil)
	}
	return string(b)
}

// watchedHandler returns a Handler that reports each request, and its log.
func watchedHandler(b gateway.Backend) (h *host.Handler, told chan *gateway.Access, log *logBuffer) {
	told, log = make(chan *gateway.Access, 1), new(logBuffer)
	return &host.Handler{Backend: b, ErrorLog: log.logger(), Access: func(a *gateway.Access) { told <- a }}, told, log
}

// connect starts the front and connects to it.
func (f front) connect(t *testing.T, app gateway.App) *net.TCPConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := f.serve(l, app)
	t.Cleanup(stop)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c.(*net.TCPConn)
}

// TestClientsFaults: a body that does not arrive is the client's fault, over every protocol in and
// out: 400 if it breaks off or is malformed, and 408 if it is late. The client gets the answer if
// it still reads, and no backend is blamed.
func TestClientsFaults(t *testing.T) {
	for _, c := range []struct {
		name, length, body string
		half               bool // the client closes its side
		status             int
		fronts             string // the fronts that can detect it
	}{
		{"cut short", "20", "four", true, 400, "net/http httpapp scgi fastcgi"},
		{"malformed chunk", "chunked", "zz\r\nfour\r\n", false, 400, "net/http httpapp"},
		{"chunks cut short", "chunked", "4\r\nfour\r\n", true, 400, "net/http httpapp"},
		{"late", "20", "four", false, 408, "httpapp scgi fastcgi"},
		{"late chunks", "chunked", "4\r\nfour\r\n", false, 408, "httpapp"},
	} {
		for _, f := range fronts() {
			if !strings.Contains(" "+c.fronts+" ", " "+f.name+" ") {
				continue
			}
			for _, b := range silentBackends(t) {
				t.Run(c.name+" "+f.name+" "+b.name, func(t *testing.T) {
					h, told, log := watchedHandler(b)
					conn := f.connect(t, h)
					io.WriteString(conn, f.post(c.length, c.body))
					if c.half {
						conn.CloseWrite()
					}
					if a := <-told; a.Status != c.status || b.name != "local" && a.Err == nil || strings.Contains(fmt.Sprint(a.Err), "script") {
						t.Errorf("the access log has %d, %v; want %d and the client's fault", a.Status, a.Err, c.status)
					}
					// which ends with its web server's connection
					if f.name != "fastcgi" || !c.half {
						answer, _ := io.ReadAll(conn)
						if !strings.Contains(string(answer), fmt.Sprintf(" %d ", c.status)) {
							t.Errorf("the client hears %q; want %d", answer, c.status)
						}
					}
					if text := log.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "stopped") {
						t.Errorf("the log blames somebody: %s", text)
					}
				})
			}
		}
	}
}

// TestClientsThatLeave: a client that closes, or half-closes, while it should wait gets no answer
// and no log line. It has 499 in the access log.
func TestClientsThatLeave(t *testing.T) {
	for _, half := range []bool{true, false} {
		for _, f := range fronts() {
			for _, b := range silentBackends(t) {
				t.Run(fmt.Sprintf("half %v %s %s", half, f.name, b.name), func(t *testing.T) {
					h, told, log := watchedHandler(b)
					conn := f.connect(t, h)
					io.WriteString(conn, f.post("4", "four"))
					if half {
						conn.CloseWrite()
						if answer, _ := io.ReadAll(bufio.NewReader(conn)); strings.Contains(string(answer), "50") {
							t.Errorf("the client hears %q; want nothing", answer)
						}
					} else {
						conn.Close()
					}
					if a := <-told; a.Status != 499 || a.Bytes != 0 {
						t.Errorf("the access log has %d with %d bytes, %v; want 499", a.Status, a.Bytes, a.Err)
					}
					if log.String() != "" {
						t.Errorf("the log has %s", log)
					}
				})
			}
		}
	}
}

// TestClientsFaultsElsewhere: the web servers that answer such a client blame it too. nginx and
// lighttpd close the connection of one that has closed its side.
func TestClientsFaultsElsewhere(t *testing.T) {
	// mod_proxy_scgi wants a length: 411, and 500 for a short body
	apache := []string{"apache2-cgi", "apache2-fastcgi"}
	cases := map[string]struct {
		length, body string
		servers      []string
	}{
		"malformed chunk":  {"chunked", "zz\r\nfour\r\n", slices.Concat(nginx, lighttpd, apache)},
		"cut short":        {"20", "four", apache},
		"chunks cut short": {"chunked", "4\r\nfour\r\n", apache},
	}
	onServers(t, slices.Concat(nginx, lighttpd, apache), func(t *testing.T, template, base string, setAnswer func(string)) {
		setAnswer("Content-Type: text/plain\r\n\r\nok")
		addr := strings.TrimPrefix(base, "http://")
		for name, c := range cases {
			if !slices.Contains(c.servers, template) {
				continue
			}
			if got := exchangeBytes(t, addr, httpPost(c.length, c.body)); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
				t.Errorf("%s: got %.100q; want 400", name, got)
			}
		}
	})
}
