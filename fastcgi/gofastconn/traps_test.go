package gofastconn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yookoala/gofast"

	"github.com/cgikit/cgikit/fastcgi/gofastconn"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// The traps are those of a program that uses gofast as its manual has it: gofast.NewHandler, or Do
// and WriteTo on a client.

// site serves HTTP by gofast's own handler.
func site(t *testing.T, c *gofastconn.Client, wrapped bool) *httptest.Server {
	t.Helper()
	var h http.Handler = gofast.NewHandler(gofast.BasicParamsMap(gofast.BasicSession), c.NewClient)
	if wrapped {
		h = gofastconn.Handler(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, url string) (status int, header http.Header, body string, err error) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(all), err
}

// plainly does one request with a client of gofast.SimpleClientFactory on c.Connect.
func plainly(t *testing.T, c *gofastconn.Client, req *gofast.Request) (*httptest.ResponseRecorder, string) {
	t.Helper()
	client, err := gofast.SimpleClientFactory(c.Connect)()
	if err != nil {
		t.Fatal(err)
	}
	pipes, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pipes.WriteTo(w, &stderr)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("gofast hangs")
	}
	client.Close()
	return w, stderr.String()
}

var headOf = stdout("Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n")

func TestTruncationIsSeen(t *testing.T) { // T2
	c := says(t, headOf+stdout("part"))
	if status, _, body, err := get(t, site(t, c, true).URL); err == nil {
		t.Errorf("under Handler: got a whole %d %q", status, body)
	}
	w, stderr := plainly(t, c, gofast.NewRequest(nil))
	if w.Body.String() != "part" || !strings.Contains(stderr, "cut off") {
		t.Errorf("on a plain client: got %q, and on STDERR %q; want a word of it there", w.Body, stderr)
	}
}

func TestEndStatusIsSeen(t *testing.T) { // T3
	for status, want := range map[wire.ProtocolStatus]int{wire.Overloaded: 503, wire.CannotMultiplex: 503, wire.UnknownRole: 502} {
		w, _ := plainly(t, says(t, end(wire.EndRequest{ProtocolStatus: status})), gofast.NewRequest(nil))
		if w.Code != want {
			t.Errorf("%v: got %d; want %d", status, w.Code, want)
		}
	}
}

func TestLongLines(t *testing.T) { // T1
	for _, n := range []int{1010, 1011, 5000} { // with "Set-Cookie: " 1,022 bytes and more
		c := says(t, stdout("Set-Cookie: "+strings.Repeat("v", n)+"\r\n\r\nhi"), end(wire.EndRequest{}))
		w, _ := plainly(t, c, gofast.NewRequest(nil))
		if want := map[bool]int{true: 200, false: 502}[n == 1010]; w.Code != want {
			t.Errorf("a value of %d bytes on a plain client: got %d; want %d", n, w.Code, want)
		}
		status, header, body, err := get(t, site(t, c, true).URL)
		if status != 200 || len(header.Get("Set-Cookie")) != n || body != "hi" || err != nil {
			t.Errorf("a value of %d bytes under Handler: got %d, %d bytes, %q, %v", n, status, len(header.Get("Set-Cookie")), body, err)
		}
	}
}

// blocked is a body of which nothing ever comes, once its beginning was read.
type blocked struct {
	began io.Reader
	over  chan struct{}
}

func (b blocked) Read(p []byte) (int, error) {
	if n, _ := b.began.Read(p); n > 0 {
		return n, nil
	}
	<-b.over
	return 0, io.EOF
}

func (blocked) Close() error { return nil }

func TestWritersDoNotHang(t *testing.T) { // T4
	over := make(chan struct{})
	c := application(t, func(nc net.Conn) {
		io.WriteString(nc, stdout("Status: 413 Content Too Large\r\n\r\nno")+end(wire.EndRequest{}))
		io.Copy(io.Discard, nc)
	})
	for name, body := range map[string]io.ReadCloser{
		"endless": io.NopCloser(endless{}),
		"blocked": blocked{strings.NewReader(strings.Repeat("x", 100_000)), over},
	} {
		req := gofast.NewRequest(nil)
		req.Stdin = body
		client, _ := c.NewClient()
		pipes, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		pipes.WriteTo(w, io.Discard)
		if w.Code != 413 {
			t.Errorf("%s: got %d; want the early answer", name, w.Code)
		}
		client.Close()
	}
	close(over)
}

// TestCancelLeavesNothing relies on TestMain for the goroutines.
func TestCancelLeavesNothing(t *testing.T) { // T5
	told := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	c := serving(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		cancel()
		<-r.Context().Done()
		close(told)
		return nil
	})
	client, _ := c.NewClient()
	raw, _ := http.NewRequestWithContext(ctx, "GET", "http://localhost/", nil)
	pipes, err := client.Do(gofast.NewRequest(raw))
	if err != nil {
		t.Fatal(err)
	}
	pipes.WriteTo(httptest.NewRecorder(), io.Discard)
	select {
	case <-told:
	case <-time.After(patience):
		t.Error("the application was not told")
	}
	client.Close()
}

func TestManyOnOneClient(t *testing.T) { // T6, T18
	c := serving(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, strings.Repeat(r.Environ.Get("NAME"), 10_000))
		return err
	})
	c.Pool.MaxIdleConns, c.Pool.MaxConns = 3, 3
	client, _ := c.NewClient()
	var all sync.WaitGroup
	for _, name := range strings.Split("abcdefghij", "") {
		all.Go(func() {
			req := gofast.NewRequest(nil)
			req.Params["NAME"] = name
			pipes, err := client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			w := httptest.NewRecorder()
			pipes.WriteTo(w, io.Discard)
			if w.Body.String() != strings.Repeat(name, 10_000) {
				t.Errorf("%s: got %d bytes, %.10q", name, w.Body.Len(), w.Body)
			}
		})
	}
	all.Wait()
	if s := c.Pool.Stats(); s.Dialed > 3 {
		t.Errorf("10 requests dialled %d connections; want those of the pool", s.Dialed)
	}
	client.Close()
	if _, err := client.Do(gofast.NewRequest(nil)); err == nil {
		t.Error("a closed client takes requests")
	}
	c.Pool.Close()
}

func TestCloseWhileUnderWay(t *testing.T) { // T7: gofast's own Close ends the process
	entered := make(chan struct{})
	c := serving(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		close(entered)
		<-r.Context().Done()
		return nil
	})
	client, _ := c.NewClient()
	pipes, err := client.Do(gofast.NewRequest(nil))
	if err != nil {
		t.Fatal(err)
	}
	<-entered
	client.Close()
	pipes.WriteTo(httptest.NewRecorder(), io.Discard)
}

func TestTwoOnOneConnection(t *testing.T) {
	c := serving(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.Copy(w, r.Stdin)
		return err
	})
	client, _ := gofast.SimpleClientFactory(c.Connect)()
	for _, text := range []string{"one", "two"} {
		req := gofast.NewRequest(nil)
		req.Stdin = io.NopCloser(strings.NewReader(text))
		pipes, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		if pipes.WriteTo(w, io.Discard); w.Body.String() != text {
			t.Errorf("got %q; want %q", w.Body, text)
		}
	}
	client.Close()
}

func TestWrongRole(t *testing.T) {
	req := gofast.NewRequest(nil)
	req.Role = gofast.RoleAuthorizer
	if w, stderr := plainly(t, serving(t, func(gateway.ResponseWriter, *gateway.Request) error { return errors.New("called") }), req); w.Code != 502 ||
		!strings.Contains(stderr, "role 2") {
		t.Errorf("got %d, %q", w.Code, stderr)
	}
}

func TestHopByHopFields(t *testing.T) {
	const fields = "Keep-Alive: timeout=5\r\nUpgrade: h2c\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\nContent-Type: text/plain\r\n\r\n"
	for _, wrapped := range []bool{false, true} {
		t.Run(fmt.Sprint("Handler=", wrapped), func(t *testing.T) {
			c := says(t, stdout("Status: 200 OK\r\n"+fields)+stdout("body")+end(wire.EndRequest{}))
			status, header, body, err := get(t, site(t, c, wrapped).URL)
			if err != nil || status != 200 || body != "body" || header.Get("X-End") != "2" {
				t.Fatalf("got %d, %v, %q, %v; want 200, X-End and the body", status, header, body, err)
			}
			for _, name := range []string{"Keep-Alive", "Upgrade", "X-Hop"} {
				if value := header.Get(name); value != "" {
					t.Errorf("%s: got %q; want none", name, value)
				}
			}
			c = says(t, stdout("Transfer-Encoding: chunked\r\n\r\n")+stdout("4\r\nbody\r\n0\r\n\r\n")+end(wire.EndRequest{}))
			if status, _, body, err := get(t, site(t, c, wrapped).URL); status != 502 {
				t.Errorf("Transfer-Encoding: got %d, %.99q, %v; want 502", status, body, err)
			}
		})
	}
}
