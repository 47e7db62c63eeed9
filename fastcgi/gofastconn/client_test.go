package gofastconn_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/gofastconn"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/util"
)

// TestMain fails when a test leaks a goroutine: gofast starts six for each request.
func TestMain(m *testing.M) {
	os.Exit(leaks.Run(m))
}

// patience bounds what should not take long.
const patience = 10 * time.Second

// application is a listener whose connections are answered by talk, one after the other.
func application(t *testing.T, talk func(net.Conn)) *gofastconn.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			nc.SetDeadline(time.Now().Add(patience))
			talk(nc)
			nc.Close()
		}
	}()
	return &gofastconn.Client{Pool: &fastcgi.Client{Addr: l.Addr().String()}}
}

// serving is a fastcgi.Server with app.
func serving(t *testing.T, app gateway.AppFunc) *gofastconn.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fastcgi.Server{App: app}
	go s.Serve(l)
	t.Cleanup(func() {
		s.Close()
		s.Shutdown(context.Background())
	})
	return &gofastconn.Client{Pool: &fastcgi.Client{Addr: "fastcgi://" + l.Addr().String()}}
}

// readRequest reads up to the end of STDIN.
func readRequest(nc net.Conn) {
	r := wire.NewRecordReader(bufio.NewReader(nc))
	for {
		h, content, err := r.Next()
		if err != nil || h.Type == wire.TypeStdin && len(content) == 0 {
			return
		}
	}
}

// says answers each request with the same bytes.
func says(t *testing.T, records ...string) *gofastconn.Client {
	return application(t, func(nc net.Conn) {
		readRequest(nc)
		io.WriteString(nc, strings.Join(records, ""))
	})
}

func stdout(content string) string {
	return string(wire.AppendRecord(nil, wire.TypeStdout, 1, []byte(content)))
}

func end(e wire.EndRequest) string { return string(wire.AppendEndRequest(nil, 1, e)) }

// request is one with a body, or none for nil.
func request(body io.Reader, pairs ...string) *gateway.Request {
	e := util.NewEnviron()
	for i := 0; i < len(pairs); i += 2 {
		e.Add(pairs[i], pairs[i+1])
	}
	return &gateway.Request{Environ: e, Stdin: body}
}

// exchange performs r and returns status, body and the error that either ended with.
func exchange(c *gofastconn.Client, r *gateway.Request) (resp *gateway.Response, body string, err error) {
	resp, err = c.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return resp, string(all), err
}

func TestRoundTrip(t *testing.T) {
	c := serving(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("x-b", "1")
		w.Headers().Add("X-A", "2")
		w.Start("404 Gone Fishing")
		fmt.Fprint(r.Stderr, "a log line")
		fmt.Fprintf(w, "%s|%s|", r.Environ.Get("SCRIPT_NAME"), r.Environ.Get("LONG"))
		_, err := io.Copy(w, r.Stdin)
		return err
	})
	long := strings.Repeat("v", 70_000)
	body := strings.Repeat("0123456789", 100_000)
	r := request(strings.NewReader(body), "SCRIPT_NAME", "/app", "LONG", long)
	var log bytes.Buffer
	r.Stderr = &log
	resp, got, err := exchange(c, r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Status != "404 Gone Fishing" || fmt.Sprint(resp.Headers.Items()) != "[{x-b 1} {X-A 2}]" || log.String() != "a log line" {
		t.Errorf("got %q, %v and %q on STDERR", resp.Status, resp.Headers.Items(), log.String())
	}
	if got != "/app|"+long+"|"+body {
		t.Errorf("got %d bytes; want environ and body back", len(got))
	}
}

// TestForward sends a request through two servers.
func TestForward(t *testing.T) {
	inner := serving(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, "inner")
		return err
	})
	_, got, err := exchange(serving(t, gateway.Forward(inner).ServeGateway), request(nil, "REQUEST_METHOD", "GET"))
	if got != "inner" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestExitStatus checks that appStatus is known, and no failure.
func TestExitStatus(t *testing.T) {
	resp, got, err := exchange(says(t, stdout("A: b\r\n\r\nhi"), end(wire.EndRequest{AppStatus: 7})), request(nil))
	if err != nil || got != "hi" || resp.ExitStatus != 7 {
		t.Errorf("got %q, %v, %+v", got, err, resp)
	}
}

// TestBadAnswers closes gofast's traps T1, T2, T3 and T9, and checks F38 to F42.
func TestBadAnswers(t *testing.T) {
	head := stdout("Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n")
	for _, c := range []struct {
		name, answer string
		status       int
		want         string
	}{
		{"nothing", "", 502, "broke off"},
		{"ends within the head", stdout("Status: 2"), 502, "broke off"},
		{"ends without END_REQUEST (T2, F40)", head + stdout("part"), 502, "broke off"},
		{"ends behind STDOUT (F40)", head + stdout("all") + stdout(""), 502, "broke off"},
		{"ends within a record (F40)", head + stdout("part")[:10], 502, "broke off"},
		{"END_REQUEST without a head (F41)", stdout("") + end(wire.EndRequest{}), 502, "bad response head"},
		{"OVERLOADED (T3, F39)", end(wire.EndRequest{ProtocolStatus: wire.Overloaded}), 503, "FCGI_OVERLOADED"},
		{"CANT_MPX_CONN (T3, F39)", end(wire.EndRequest{ProtocolStatus: wire.CannotMultiplex}), 503, "FCGI_CANT_MPX_CONN"},
		{"UNKNOWN_ROLE (T3, F39)", end(wire.EndRequest{ProtocolStatus: wire.UnknownRole}), 502, "FCGI_UNKNOWN_ROLE"},
		{"OVERLOADED late", head + end(wire.EndRequest{ProtocolStatus: wire.Overloaded}), 503, "FCGI_OVERLOADED"},
		{"no FastCGI", "HTTP/1.1 400 Bad Request\r\n\r\n", 502, "version 72"},
		{"broken on purpose", head + stdout("part") + "\xff\xff\xff\xff\xff\xff\xff\xff", 502, "version 255"},
		{"another's record (F38)", string(wire.AppendRecord(nil, wire.TypeStdout, 2, []byte("x"))), 502, "request 2"},
		{"a web server's record", string(wire.AppendRecord(nil, wire.TypeStdin, 1, nil)), 502, "type 5"},
		{"short END_REQUEST", head + string(wire.AppendRecord(nil, wire.TypeEndRequest, 1, []byte("x"))), 502, "END_REQUEST of 1"},
		{"bad status (T9)", stdout("Status: x\r\n\r\n") + end(wire.EndRequest{}), 502, "bad response head"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got, err := exchange(says(t, c.answer), request(nil))
			var b *gateway.BackendError
			if !errors.As(err, &b) || b.Status != c.status || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, %v; want %d with %q", got, err, c.status, c.want)
			}
		})
	}
}

// TestLongHeadLine closes T1: gofast hangs at a line of 1,024 bytes.
func TestLongHeadLine(t *testing.T) {
	long := strings.Repeat("v", 20_000)
	resp, got, err := exchange(says(t, stdout("Set-Cookie: "+long+"\r\n\r\nhi"), end(wire.EndRequest{})), request(nil))
	if err != nil || got != "hi" || resp.Headers.Get("Set-Cookie") != long {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestHeadInPieces checks F42, and records that mean nothing here.
func TestHeadInPieces(t *testing.T) {
	var records []string
	for _, b := range "Status: 201 Created\r\n\r\nbody" {
		records = append(records, stdout(string(b)), string(wire.AppendRecord(nil, wire.TypeUnknownType, 0, make([]byte, 8))))
	}
	resp, got, err := exchange(says(t, append(records, stdout(""), end(wire.EndRequest{}))...), request(nil))
	if err != nil || got != "body" || resp.Status != "201 Created" {
		t.Errorf("got %q, %v, %+v", got, err, resp)
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestEarlyAnswer closes T4 (and checks F48): the application answers and leaves the body unread.
func TestEarlyAnswer(t *testing.T) {
	over := make(chan struct{})
	c := application(t, func(nc net.Conn) {
		io.WriteString(nc, stdout("Status: 413 Content Too Large\r\n\r\nno")+end(wire.EndRequest{}))
		<-over
	})
	_, got, err := exchange(c, request(endless{}))
	if got != "no" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	close(over)
}

// TestCancel closes T5: the end of the context ends a wait for the head, and one for the body, and
// closes the connection.
func TestCancel(t *testing.T) {
	for _, sent := range []string{"", stdout("Status: 200 OK\r\n\r\npart")} {
		closed := make(chan error, 1)
		ctx, cancel := context.WithCancel(context.Background())
		c := application(t, func(nc net.Conn) {
			readRequest(nc)
			io.WriteString(nc, sent)
			if sent == "" {
				cancel()
			}
			_, err := io.Copy(io.Discard, nc)
			closed <- err
		})
		resp, err := c.RoundTrip(request(nil).WithContext(ctx))
		if err == nil {
			io.ReadFull(resp.Body, make([]byte, 4))
			cancel()
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %q: got %v; want context.Canceled", sent, err)
		}
		if err := <-closed; errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %q: the connection was not closed", sent)
		}
	}
}

// TestEndedContext: nothing is sent for a request whose context has ended, also where a kept
// connection waits for one.
func TestEndedContext(t *testing.T) {
	var asked atomic.Int64
	c := serving(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		asked.Add(1)
		return nil
	})
	c.Pool = &fastcgi.Client{Addr: c.Pool.Addr, MaxIdleConns: 1}
	t.Cleanup(func() { c.Pool.Close() })
	if _, _, err := exchange(c, request(nil)); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancelLate()
	silent, cancelSilent := context.WithCancel(t.Context())
	cancelSilent()
	for range 20 {
		wantStatus(t, 502, c, request(nil).WithContext(ended))
		wantStatus(t, 504, c, request(nil).WithContext(late))
		wantStatus(t, 502, c, request(nil).WithContext(&silentContext{silent}))
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the application was asked %d times; want once", n)
	}
}

// silentContext has ended, but reports that only by Err.
type silentContext struct{ context.Context }

// Value hides the context within, which package context would talk to itself.
func (*silentContext) Value(any) any { return nil }

// Done is never closed.
func (*silentContext) Done() <-chan struct{} { return make(chan struct{}) }

// AfterFunc is what package context calls in place of a wait for Done.
func (*silentContext) AfterFunc(func()) (stop func() bool) { return func() bool { return false } }

// wantStatus performs an exchange that must fail.
func wantStatus(t *testing.T, status int, c *gofastconn.Client, r *gateway.Request) {
	t.Helper()
	_, _, err := exchange(c, r)
	if b := (*gateway.BackendError)(nil); !errors.As(err, &b) || b.Status != status || !errors.Is(err, r.Context().Err()) {
		t.Errorf("got %v; want a %d of %v", err, status, r.Context().Err())
	}
}

// TestEarlyClose leaves the rest of a response.
func TestEarlyClose(t *testing.T) {
	closed := make(chan error, 1)
	c := application(t, func(nc net.Conn) {
		readRequest(nc)
		var err error
		for text := stdout("A: b\r\n\r\n" + strings.Repeat("x", 1000)); err == nil; text = stdout("more") {
			_, err = io.WriteString(nc, text)
		}
		closed <- err
	})
	resp, err := c.RoundTrip(request(nil))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 2000)); err == nil {
		_, err = io.ReadAll(resp.Body) // what came with the head may still be there
		if err == nil {
			t.Error("a closed Body ended as if it were whole")
		}
	}
	if err := <-closed; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection was not closed")
	}
}

// TestTimeouts closes T17.
func TestTimeouts(t *testing.T) {
	over := make(chan struct{})
	silent := func(net.Conn) { <-over }
	read := application(t, silent)
	read.Pool.FirstByteTimeout = 20 * time.Millisecond
	write := application(t, silent)
	write.Pool.WriteTimeout = 20 * time.Millisecond
	for name, c := range map[string]*gofastconn.Client{"read": read, "write": write} {
		var body io.Reader
		if name == "write" {
			body = endless{}
		}
		_, _, err := exchange(c, request(body))
		var b *gateway.BackendError
		if !errors.As(err, &b) || b.Status != 504 {
			t.Errorf("%s: got %v; want a 504", name, err)
		}
	}
	close(over)
}

// hesitant is a reader that returns nothing before each byte.
type hesitant struct {
	io.Reader
	turn int
}

func (h *hesitant) Read(p []byte) (int, error) {
	h.turn++
	if h.turn%2 == 1 {
		return 0, nil
	}
	return h.Reader.Read(p[:1])
}

// TestHesitantBody closes T15: a Read of nothing is not the end.
func TestHesitantBody(t *testing.T) {
	c := serving(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.Copy(w, r.Stdin)
		return err
	})
	if _, got, err := exchange(c, request(&hesitant{Reader: strings.NewReader("body")})); got != "body" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestFailingBody has a body that fails: gofast alone would end STDIN as if the body were complete.
func TestFailingBody(t *testing.T) {
	cut := errors.New("client gone")
	saw := make(chan error, 1)
	c := serving(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.ReadAll(r.Stdin)
		saw <- err
		return err
	})
	body := io.MultiReader(strings.NewReader(strings.Repeat("x", 70_000)), errorReader{cut})
	if _, got, err := exchange(c, request(body)); !errors.Is(err, cut) {
		t.Errorf("got %q, %v; want the body's own error", got, err)
	}
	select {
	case err := <-saw: // it may have been given up before it began
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the application read %v; want io.ErrUnexpectedEOF", err)
		}
	default:
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name, addr string
		ctx        context.Context
		want       string
	}{
		{"nobody there", l.Addr().String(), context.Background(), "cannot be reached"},
		{"no such socket", "unix:/no/such/socket", context.Background(), "cannot be reached"},
		{"not to be called", "fd:0", context.Background(), "not an address to connect to"},
		{"another protocol", "scgi://127.0.0.1:1", context.Background(), "scgi"},
		{"too late", l.Addr().String(), ended, "given up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := &gofastconn.Client{Pool: &fastcgi.Client{Addr: c.addr}}
			_, err := client.RoundTrip(request(nil).WithContext(c.ctx))
			var b *gateway.BackendError
			if !errors.As(err, &b) || b.Status != 502 || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want a 502 with %q", err, c.want)
			}
		})
	}
}
