package ping

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/scgi"
)

// enough is a --timeout that no answer of these tests exceeds. With too short a silence is told.
const (
	enough   = "--timeout=60s"
	tooShort = "--timeout=400ms"
)

// runLate runs a command whose time is to end in a certain state of the exchange. On a busy machine
// that state may be reached later, and then it is run again with ten times the time.
func runLate(t *testing.T, reached func(outcome) bool, args ...string) (got outcome) {
	t.Helper()
	for _, timeout := range []string{tooShort, "--timeout=4s", "--timeout=40s"} {
		if got = runPing(t, append([]string{timeout}, args...)...); reached(got) {
			break
		}
	}
	return got
}

// routes answers by path, as applications of all protocols do.
var routes = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	path, _ := r.Environ.Lookup("PATH_INFO")
	switch path {
	case "", "/":
		w.Start("302 Found")
		w.Headers().Set("Location", "/login")
		w.Headers().Set("Set-Cookie", "session=secret")
	case "/health":
		io.WriteString(w, "ok")
	case "/broken":
		w.Start("500 Internal Server Error")
	default:
		w.Start("404 Not Found")
	}
	return nil
})

// serve runs a server until the test ends, and returns its address.
func serve(t *testing.T, run func(net.Listener) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(l)
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// serveAll runs a server of each protocol.
func serveAll(t *testing.T) map[string]string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" && r.URL.Path != "/" {
			http.NotFound(w, r)
		}
		io.WriteString(w, "ok")
	}))
	t.Cleanup(web.Close)
	return map[string]string{
		"fastcgi": serve(t, (&fastcgi.Server{App: routes, ErrorLog: slog.New(slog.DiscardHandler)}).Serve),
		"scgi":    serve(t, (&scgi.Server{App: routes, ErrorLog: slog.New(slog.DiscardHandler)}).Serve),
		"http":    web.Listener.Addr().String(),
	}
}

// TestProtocols asks servers of three protocols by all three: the right one is ok, and the others
// are told how to write the target.
func TestProtocols(t *testing.T) {
	addresses := serveAll(t)
	titles := map[string]string{"fastcgi": "FastCGI", "scgi": "SCGI", "http": "HTTP"}
	for spoken, address := range addresses {
		for asked := range addresses {
			for _, args := range [][]string{nil, {"--path", "/health"}} {
				t.Run(fmt.Sprintf("%s asked by %s %v", spoken, asked, args), func(t *testing.T) {
					// A web server that waits for the end of a line is found out late.
					got := runLate(t, func(got outcome) bool { return !strings.Contains(got.stdout, "no answer in") },
						append(args, asked+"://"+address)...)
					if asked == spoken {
						if got.status != 0 || !strings.HasPrefix(got.stdout, "ok: "+titles[asked]+" at "+address) || got.stderr != "" {
							t.Errorf("got %+v", got)
						}
						return
					}
					hint := fmt.Sprintf("hint: %s is spoken at that address, not %s: write %s://%s\n", titles[spoken], titles[asked], spoken, address)
					if got.status != 1 || !strings.HasPrefix(got.stdout, "unhealthy: "+address+": ") || got.stderr != hint {
						t.Errorf("got %+v; want %q", got, hint)
					}
				})
			}
		}
	}
}

func TestExpectations(t *testing.T) {
	addresses := serveAll(t)
	for _, protocol := range []string{"fastcgi", "scgi"} {
		for _, tt := range []struct {
			args   []string
			status int
			want   string
		}{
			{[]string{"--path", "/health"}, 0, "200 OK"},
			{[]string{"--path", "/health?a=b", "--expect-body", "^ok$"}, 0, "200 OK"},
			{[]string{"--path", "/health", "--expect-body", "^OK$"}, 1, `the body does not match "^OK$"`},
			{[]string{"--path", "/missing"}, 1, "/missing answers 404 Not Found"},
			{[]string{"--path", "/missing", "--expect-status", "404"}, 0, "404 Not Found"},
			{[]string{"--path", "/health", "--expect-status", "3xx,404"}, 1, "/health answers 200 OK, not 3xx,404"},
			{[]string{"--path", "/broken"}, 1, "/broken answers 500"},
			{[]string{"--path", "/health", "--fail-if", "latency>1ns"}, 1, "latency 0."},
			{[]string{"--path", "/health", "--warn-if", "latency>1ns"}, 0, "warning: latency 0."},
			{[]string{"--path", "/health", "--fail-if", "latency>1h"}, 0, "ok: "},
			{[]string{"--status", "/status"}, 1, ""},
		} {
			if protocol == "scgi" && tt.args[0] == "--status" {
				continue // it is php-fpm's, so SCGI is asked for / as without the flag
			}
			got := runPing(t, append(tt.args, enough, protocol+"://"+addresses[protocol])...)
			// a latency may have more digits on a busy machine
			want := strings.TrimSuffix(tt.want, "0.")
			if got.status != tt.status || !strings.Contains(got.stdout, want) || strings.Count(got.stdout, "\n") != 1 {
				t.Errorf("%s %q: got %+v; want %d, %q", protocol, tt.args, got, tt.status, tt.want)
			}
		}
	}
}

func TestVerbose(t *testing.T) {
	addresses := serveAll(t)
	got := runPing(t, enough, "-v", "scgi://"+addresses["scgi"])
	if !strings.Contains(got.stdout, "\n  302 Found\n") || !strings.Contains(got.stdout, "\n  Set-Cookie: ***\n") {
		t.Errorf("got %+v; want the head with the cookie masked", got)
	}
	if got = runPing(t, enough, "-v", "--show-secrets", "scgi://"+addresses["scgi"]); !strings.Contains(got.stdout, "\n  Set-Cookie: session=secret\n") {
		t.Errorf("got %+v; want the cookie", got)
	}
	if got = runPing(t, enough, "-vv", "--path", "/health", "scgi://"+addresses["scgi"]); !strings.HasSuffix(got.stdout, "\n  ok\n") {
		t.Errorf("got %+v; want the body", got)
	}
	if got = runPing(t, enough, "-v", "fastcgi://"+addresses["fastcgi"]); !strings.Contains(got.stdout, "\n  FCGI_MPXS_CONNS 1\n") {
		t.Errorf("got %+v; want the values", got)
	}
	if got = runPing(t, enough, "-q", "fastcgi://"+addresses["fastcgi"]); got != (outcome{}) {
		t.Errorf("quiet: got %+v", got)
	}
}

// TestWorst: of several targets the worst counts, and each has its line.
func TestWorst(t *testing.T) {
	addresses := serveAll(t)
	good, bad := "fastcgi://"+addresses["fastcgi"], "scgi://"+closedPort(t)
	got := runPing(t, enough, good, bad)
	if lines := strings.Split(got.stdout, "\n"); got.status != 1 || len(lines) != 3 || !strings.HasPrefix(lines[0], "ok: ") || !strings.HasPrefix(lines[1], "dead: ") {
		t.Errorf("got %+v", got)
	}
	got = runPing(t, enough, "--nagios", good, bad)
	if got.status != nagiosCritical || !strings.HasPrefix(got.stdout, "PING CRITICAL - 2 targets, the worst is dead: connect ") || strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("got %+v", got)
	}
	got = runPing(t, enough, "--json", good, bad)
	lines := strings.SplitAfter(got.stdout, "\n")
	for i, want := range []string{"ok", "dead"} {
		var r report
		if err := json.Unmarshal([]byte(lines[i]), &r); err != nil || r.State != want || r.Healthy != (want == "ok") {
			t.Errorf("got %q, %v; want %s", lines[i], err, want)
		}
	}
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// handle serves each connection by f, which may block until the client closes the connection.
func handle(f func(net.Conn)) func(net.Listener) error {
	return func(l net.Listener) error {
		for {
			conn, err := l.Accept()
			if err != nil {
				return err
			}
			go func() {
				defer conn.Close()
				f(conn)
			}()
		}
	}
}

// TestBadAnswers: targets that hang, that answer for ever and that answer nonsense. Nothing grows
// and nothing outlasts --timeout.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	repeat := func(first, block string) func(net.Conn) {
		return func(conn net.Conn) {
			io.ReadFull(conn, make([]byte, 8))
			for _, err := io.WriteString(conn, first); err == nil; {
				_, err = io.WriteString(conn, block)
			}
		}
	}
	stdout := func(s string) string { return string(wire.AppendRecord(nil, wire.TypeStdout, 1, []byte(s))) }
	stderr := string(wire.AppendRecord(nil, wire.TypeStderr, 1, []byte("warning\n")))
	overloaded := string(wire.AppendEndRequest(nil, 1, wire.EndRequest{ProtocolStatus: wire.Overloaded}))
	block := strings.Repeat("x", 32<<10)
	for _, tt := range []struct {
		name, protocol string
		args           []string
		peer           func(net.Conn)
		want, hint     string
	}{
		{"values hang", "fastcgi", nil, hang, ": connected, no answer in ", ""},
		{"request hangs", "fastcgi", []string{"--path", "/x"}, hang, ": connected, no answer in ", ""},
		{"SCGI hangs", "scgi", nil, hang, ": connected, no answer in ", ""},
		{"HTTP hangs", "http", nil, hang, ": connected, no answer in ", ""},
		{"closed", "fastcgi", nil, func(net.Conn) {}, ": closed the connection without an answer", "listen.allowed_clients"},
		{"SCGI closed", "scgi", nil, func(net.Conn) {}, ": closed the connection without an answer", ""},
		{"endless body", "scgi", nil, repeat("Status: 200\n\n", block), "the answer did not end in ", ""},
		{"endless head", "scgi", nil, repeat("", "A: b\n"), "the application sent a bad response head", "begins with"},
		{"endless line", "scgi", nil, repeat("A: ", block), "the application sent a bad response head", "begins with"},
		{"endless HTTP", "http", nil, repeat("HTTP/1.0 200 OK\r\n\r\n", block), "the answer did not end in ", ""},
		{"endless stdout", "fastcgi", []string{"--path", "/"}, repeat(stdout("Status: 200\n\n"), stdout(block)), "the answer did not end in ", ""},
		{"endless stderr", "fastcgi", []string{"--path", "/"}, repeat("", stderr), "the answer did not end in ", ""},
		{"no end of the request", "fastcgi", []string{"--path", "/"}, send(stdout("Status: 200\n\n")), "EOF", "begins with"},
		{"overloaded", "fastcgi", []string{"--path", "/"}, send(overloaded), "it answers FCGI_OVERLOADED", ""},
		{"half a record", "fastcgi", nil, send("\x01\x0a\x00"), "EOF", "begins with"},
		{"nonsense", "fastcgi", nil, send("\xff\xff\x1b[31mnonsense"), "record of version 255", `begins with "\xff\xff\x1b[31mn`},
		{"malformed values", "fastcgi", nil, send("\x01\x0a\x00\x00\x00\x02\x00\x00\xff\xff"), "pair", "begins with"},
		{"another record", "fastcgi", nil, send(stdout("x")), "answered by a record of type 6", "begins with"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address := tt.protocol + "://" + serve(t, handle(tt.peer))
			reached := func(got outcome) bool { return strings.Contains(got.stdout, tt.want) }
			got := runLate(t, reached, append(tt.args, address)...)
			if got.status != 1 || !strings.Contains(got.stdout, tt.want) || strings.Count(got.stdout, "\n") != 1 || strings.ContainsRune(got.stdout, '\x1b') {
				t.Errorf("got %+v; want %q", got, tt.want)
			}
			if tt.hint != "" && !strings.Contains(got.stderr, tt.hint) || strings.Count(got.stderr, "\n") > 1 {
				t.Errorf("got the hint %q; want %q", got.stderr, tt.hint)
			}
			busy := strings.HasPrefix(got.stdout, "busy")
			if silent := "busy, or does not answer GET_VALUES (hint: --path): "; tt.name == "values hang" && !strings.HasPrefix(got.stdout, silent) {
				t.Errorf("got %+v; want %q", got, silent)
			}
			if got := runLate(t, reached, append(tt.args, "--live", address)...); (got.status == 0) != busy {
				t.Errorf("--live: got %+v", got)
			}
		})
	}
}

// TestOnlyXMLRPC: an SCGI application that answers only calls by XML-RPC, as rTorrent does, is
// healthy, unless --path names what it must answer.
func TestOnlyXMLRPC(t *testing.T) {
	t.Parallel()
	address := "scgi://" + serve(t, handle(func(conn net.Conn) {
		head := make([]byte, 4<<10)
		if n, err := conn.Read(head); err != nil || !strings.Contains(string(head[:n]), "CONTENT_LENGTH\x00"+"0\x00") {
			io.WriteString(conn, "Status: 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1\r\n\r\nx")
		}
	}))
	if got := runPing(t, enough, address); got.status != 0 || !strings.HasPrefix(got.stdout, "ok: SCGI at ") {
		t.Errorf("got %+v; want ok", got)
	}
	if got := runPing(t, enough, "--path", "/", address); got.status != 1 || !strings.Contains(got.stdout, "closed the connection without an answer") {
		t.Errorf("--path: got %+v; want unhealthy", got)
	}
}

// hang reads until the client has gone, and answers nothing.
func hang(conn net.Conn) { io.Copy(io.Discard, conn) }

// send answers with the same bytes, whatever the question.
func send(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		io.ReadFull(conn, make([]byte, 8))
		io.WriteString(conn, answer)
		conn.(*net.TCPConn).CloseWrite()
		hang(conn)
	}
}

// TestWait asks a server again and again that closes the first connections.
func TestWait(t *testing.T) {
	n := 0
	app := &fastcgi.Server{App: routes, ErrorLog: slog.New(slog.DiscardHandler)}
	address := serve(t, func(l net.Listener) error {
		// the probe, and what Identify sends after a closed connection
		for ; n < 8; n++ {
			conn, err := l.Accept()
			if err != nil {
				return err
			}
			conn.Close()
		}
		return app.Serve(l)
	})
	got := runPing(t, enough, "--wait=60s", "--interval=1ms", "fastcgi://"+address)
	if got.status != 0 || !strings.HasPrefix(got.stdout, "ok: ") || strings.Count(got.stdout, "\n") != 1 || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	got = runPing(t, enough, "--wait=20ms", "--interval=1ms", "fastcgi://"+closedPort(t))
	if got.status != 1 || !strings.HasPrefix(got.stdout, "dead: ") || strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("got %+v; want the last result", got)
	}
}

// TestInterrupted: the end of the context ends a probe, and what is known of other targets is told.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	address := serve(t, handle(func(conn net.Conn) {
		cancel()
		hang(conn)
	}))
	got := runPingWith(t, ctx, nil, "--timeout=0", "fastcgi://"+address)
	if want := (outcome{status: cli.StatusInterrupted}); got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
	got = runPingWith(t, ctx, nil, "--wait=1h", enough, "fastcgi://"+address)
	if want := (outcome{status: cli.StatusInterrupted}); got != want {
		t.Errorf("--wait: got %+v; want %+v", got, want)
	}
}
