package scgi

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/util"
)

// peer is an application that reads one head and then does as f says.
func peer(t *testing.T, f func(c net.Conn, head string)) *Client {
	t.Helper()
	l := listenOn(t, "tcp")
	done := make(chan bool)
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		e, err := readHead(inputOf(c), new(util.EnvironText), testLimits)
		if err != nil {
			t.Errorf("the client sent a bad head: %v", err)
			return
		}
		f(c, strings.Join(e.List(), " "))
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return &Client{Addr: l.Addr().String()}
}

func get() *gateway.Request {
	return &gateway.Request{Environ: environOf("REQUEST_METHOD", "GET")}
}

// status returns the status of the *gateway.BackendError in err, or 0 without one.
func status(err error) int {
	var b *gateway.BackendError
	if !errors.As(err, &b) {
		return 0
	}
	return b.Status
}

// TestClientSendsTheHead: S8, CONTENT_LENGTH comes first, and once.
func TestClientSendsTheHead(t *testing.T) {
	heads := make(chan string, 1)
	c := peer(t, func(nc net.Conn, head string) {
		heads <- head
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nX: y\n\nbody") // S11: a status line is accepted
	})
	resp, err := c.RoundTrip(&gateway.Request{
		Environ: environOf("A", "1", "CONTENT_LENGTH", "", "SCGI", "9", "B", ""),
		Stdin:   strings.NewReader(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, want := <-heads, "CONTENT_LENGTH=0 SCGI=1 A=1 B="; got != want {
		t.Errorf("sent %q; want %q", got, want)
	}
	body, err := io.ReadAll(resp.Body)
	if resp.Status != "200 OK" || resp.Headers.Get("X") != "y" || string(body) != "body" || err != nil {
		t.Errorf("got %q, %v, %q, %v", resp.Status, resp.Headers, body, err)
	}
}

func TestClientResponses(t *testing.T) {
	for _, test := range []struct {
		name, method, answer string
		reset                bool
		body                 string
		headStatus           int // BackendError of RoundTrip
		bodyStatus           int // BackendError of reading the body
	}{
		{name: "no length", answer: "X: y\n\nabc", body: "abc"},
		{name: "length", answer: "Content-Length: 3\n\nabc", body: "abc"},
		{name: "more than its length", answer: "Content-Length: 3\n\nabcdef", body: "abc"},
		{name: "less than its length", answer: "Content-Length: 4\n\nabc", body: "abc", bodyStatus: 502},
		{name: "no body for HEAD", method: "HEAD", answer: "Content-Length: 4\n\n", body: ""},
		{name: "no body for 304", answer: "Status: 304 Not Modified\nContent-Length: 4\n\n", body: ""},
		{name: "length of zero", answer: "Content-Length: 0\n\n", body: ""},
		{name: "reset in the body", answer: "X: y\n\nabc", reset: true, body: "abc", bodyStatus: 502},
		{name: "reset in the head", answer: "X: y\n", reset: true, headStatus: 502},
		{name: "closed in the head", answer: "X: y\n", headStatus: 502},
		{name: "nothing", answer: "", headStatus: 502},
		{name: "no head", answer: "hello\n\n", headStatus: 502},
		{name: "head too long", answer: "X: " + strings.Repeat("y", 2000) + "\n\n", headStatus: 502},
	} {
		t.Run(test.name, func(t *testing.T) {
			taken := make(chan bool)
			c := peer(t, func(nc net.Conn, head string) {
				io.WriteString(nc, test.answer)
				if test.reset {
					<-taken
					nc.(*net.TCPConn).SetLinger(0)
				}
			})
			c.MaxHeadBytes = 1000
			if test.reset && test.headStatus != 0 {
				close(taken)
			}
			resp, err := c.RoundTrip(&gateway.Request{Environ: environOf("REQUEST_METHOD", test.method)})
			if got := status(err); got != test.headStatus || (err == nil) != (test.headStatus == 0) {
				t.Fatalf("RoundTrip: got %v; want a BackendError of %d", err, test.headStatus)
			}
			if err != nil {
				return
			}
			defer resp.Body.Close()
			first := make([]byte, len(test.body))
			if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != test.body {
				t.Fatalf("body: got %q, %v", first, err)
			}
			close(taken)
			rest, err := io.ReadAll(resp.Body)
			if got := status(err); got != test.bodyStatus || len(rest) != 0 || (err == nil) != (test.bodyStatus == 0) {
				t.Errorf("behind the body: got %q, %v; want a BackendError of %d", rest, err, test.bodyStatus)
			}
		})
	}
}

func TestClientNeedsTheLength(t *testing.T) {
	c := &Client{Addr: "127.0.0.1:0"} // is not reached
	for _, test := range []struct {
		name   string
		length string
		stdin  io.Reader
		want   any
	}{
		{"no length, a body", "", iotest.OneByteReader(strings.NewReader("x")), gateway.ErrLengthRequired},
		{"a length, no body", "5", nil, new(*gateway.RequestError)},
		{"negative", "-5", strings.NewReader("x"), new(*gateway.RequestError)},
	} {
		_, err := c.RoundTrip(&gateway.Request{Environ: environOf("CONTENT_LENGTH", test.length), Stdin: test.stdin})
		if sentinel, ok := test.want.(error); ok && err != sentinel || !ok && !errors.As(err, test.want) {
			t.Errorf("%s: got %v; want %v", test.name, err, test.want)
		}
	}
}

func TestClientThatCannotReach(t *testing.T) {
	l := listenOn(t, "tcp")
	l.Close()
	for _, addr := range []string{l.Addr().String(), "unix:/nowhere/at/all", "fd:0", "fastcgi://127.0.0.1:1", ""} {
		_, err := (&Client{Addr: addr}).RoundTrip(get())
		if status(err) != 502 {
			t.Errorf("%q: got %v; want a BackendError of 502", addr, err)
		}
	}
	var bad *listen.AddressError
	if _, err := (&Client{Addr: "fd:0"}).RoundTrip(get()); !errors.As(err, &bad) {
		t.Errorf("got %v; want an AddressError within", err)
	}
}

func TestClientTimeouts(t *testing.T) {
	const short = 20 * time.Millisecond
	for _, test := range []struct {
		name  string
		setup func(c *Client)
		said  string
		body  io.Reader
	}{
		{"first byte", func(c *Client) { c.FirstByteTimeout = short }, "", nil},
		{"first byte behind a body", func(c *Client) { c.FirstByteTimeout = short }, "", io.LimitReader(endless{}, 10)},
		{"head", func(c *Client) { c.ReadTimeout = short }, "X: y\n", nil},
		{"body", func(c *Client) { c.ReadTimeout = short }, "X: y\n\nbody", nil},
		{"write", func(c *Client) { c.WriteTimeout = short }, "", endless{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			over := make(chan bool)
			c := peer(t, func(nc net.Conn, head string) {
				io.WriteString(nc, test.said)
				<-over
			})
			defer close(over)
			test.setup(c)
			r := get()
			if test.body != nil {
				r = &gateway.Request{Environ: environOf("CONTENT_LENGTH", "10"), Stdin: test.body}
			}
			if _, ok := test.body.(endless); ok {
				r.Environ.Set("CONTENT_LENGTH", "1000000000")
			}
			resp, err := c.RoundTrip(r)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if status(err) != 504 {
				t.Errorf("got %v; want a BackendError of 504", err)
			}
		})
	}
}

func TestClientContext(t *testing.T) {
	for _, test := range []struct {
		name   string
		ctx    func() (context.Context, context.CancelFunc)
		status int
		is     error
	}{
		{"cancelled", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(20*time.Millisecond, cancel)
			return ctx, cancel
		}, 502, context.Canceled},
		{"too late", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 20*time.Millisecond)
		}, 504, context.DeadlineExceeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			closed := make(chan error, 1)
			c := peer(t, func(nc net.Conn, head string) {
				_, err := nc.Read(make([]byte, 1))
				closed <- err
			})
			ctx, cancel := test.ctx()
			defer cancel()
			_, err := c.RoundTrip(get().WithContext(ctx))
			if status(err) != test.status || !errors.Is(err, test.is) {
				t.Errorf("got %v; want a BackendError of %d with %v", err, test.status, test.is)
			}
			if err := <-closed; err != io.EOF {
				t.Errorf("the application saw %v; want the connection closed", err)
			}
		})
	}
}

// An application may answer and close before it has read the body.
func TestClientOfAnEarlyAnswer(t *testing.T) {
	c := peer(t, func(nc net.Conn, head string) {
		io.WriteString(nc, "Content-Length: 2\r\n\r\nok")
		nc.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, nc)
	})
	resp, err := c.RoundTrip(&gateway.Request{
		Environ: environOf("CONTENT_LENGTH", "10000000"),
		Stdin:   io.LimitReader(endless{}, 10000000),
	})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "ok" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	resp.Body.Close()
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A body that breaks off must not look whole to the application, nor its answer to the client.
func TestClientOfABrokenBody(t *testing.T) {
	broken := errors.New("on purpose")
	s := start(t, "tcp", &Server{App: echo})
	c := &Client{Addr: s.target()}
	for _, test := range []struct {
		stdin io.Reader
		want  error
	}{
		{io.MultiReader(strings.NewReader("12345"), errorReader{broken}), broken},
		{strings.NewReader("12345"), io.ErrUnexpectedEOF},
	} {
		_, err := c.RoundTrip(&gateway.Request{Environ: environOf("CONTENT_LENGTH", "10"), Stdin: test.stdin})
		if !errors.Is(err, test.want) || status(err) != 0 {
			t.Errorf("got %v; want %v, of which the application is innocent", err, test.want)
		}
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// A response that breaks at the second of two servers in a chain is broken for the client of the
// first.
func TestForward(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		back := start(t, network, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			if err := echo(w, r); err != nil || r.Environ.Get("FAIL") == "" {
				return err
			}
			w.Flush()
			panic("on purpose")
		})})
		front := start(t, network, &Server{App: gateway.Forward(&Client{Addr: back.target()})})
		front.expect(request("ab"), "Status: 200 OK\r\nContent-Length: 10\r\n\r\nab|2 <nil>")
		got, err := front.ask(request("ab", "FAIL", "yes"))
		if want := "Status: 200 OK\r\n\r\nab|2 <nil>"; got != want || !gateway.PeerGone(err) {
			t.Errorf("got %q, %v; want %q and a reset", got, err, want)
		}
	})
}
