package scgi

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
)

func TestServeAnswers(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: hello})
		s.expect(request(""), helloAnswer)
		s.expect(request("unread body"), helloAnswer)
		if text := s.log.String(); text != "" {
			t.Errorf("logged %q", text)
		}
	})
}

// S6: exactly CONTENT_LENGTH bytes are the body. Later bytes are ignored, and do not cost
// the peer its answer.
func TestBodyEndsAtContentLength(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: echo})
		s.expect(request("12345"), "Status: 200 OK\r\nContent-Length: 13\r\n\r\n12345|5 <nil>")
		s.expect(request("12345")+"\r\n", "Status: 200 OK\r\nContent-Length: 13\r\n\r\n12345|5 <nil>")
		s.expect(request("")+strings.Repeat("x", 100<<10), "Status: 200 OK\r\nContent-Length: 8\r\n\r\n|0 <nil>")
	})
}

// DESIGN section 3, rule 6: each is first shown whole, then broken.
func TestFailureAfterTheHeadResets(t *testing.T) {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		io.Copy(io.Discard, r.Stdin)
		io.WriteString(w, "part")
		w.Flush()
		switch r.Environ.Get("FAIL") {
		case "panic":
			panic("on purpose")
		case "error":
			return errors.New("on purpose")
		case "abort":
			return gateway.ErrAbort
		case "exit":
			runtime.Goexit()
		}
		return nil
	})
	bothNetworks(t, func(t *testing.T, network string) {
		for _, body := range []string{"", "1", strings.Repeat("x", 100<<10)} {
			s := start(t, network, &Server{App: app})
			const head = "Status: 200 OK\r\n\r\npart"
			s.expect(request(body, "FAIL", ""), head)
			for _, fail := range []string{"panic", "error", "abort", "exit"} {
				got, err := s.ask(request(body, "FAIL", fail))
				if got != head || !gateway.PeerGone(err) {
					t.Errorf("%s with a body of %d: got %q, %v; want %q and a reset", fail, len(body), got, err, head)
				}
			}
			s.expect(request(body, "FAIL", ""), head)
			if n := len(s.log.lines()); n != 3 {
				t.Errorf("logged %d lines; want 3:\n%s", n, s.log)
			}
		}
	})
}

// Close cuts a response off, and so must not look like the end of one.
func TestCloseResets(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		srv := &Server{}
		srv.App = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			io.WriteString(w, "part")
			w.Flush()
			return srv.Close()
		})
		got, err := start(t, network, srv).ask(request(""))
		if !gateway.PeerGone(err) {
			t.Errorf("got %q, %v; want a reset", got, err)
		}
	})
}

func TestFailureBeforeTheHeadIsAPage(t *testing.T) {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		io.WriteString(w, "part")
		panic("on purpose")
	})
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: app})
		got, err := s.ask(request(""))
		if status := readStatus(t, got); status != "500 Internal Server Error" || err != nil {
			t.Errorf("got %q, %v", status, err)
		}
		if lines := s.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "on purpose") {
			t.Errorf("logged %q; want the panic in one line", lines)
		}
	})
}

func TestClientGetsWhatServerSends(t *testing.T) {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("X-Method", r.Environ.Get("REQUEST_METHOD"))
		w.Start("201 Made")
		_, err := io.Copy(w, r.Stdin)
		return err
	})
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: app})
		c := &Client{Addr: s.target()}
		body := strings.Repeat("0123456789", 200<<10)
		resp, err := c.RoundTrip(&gateway.Request{
			Environ: environOf("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "2048000"),
			Stdin:   strings.NewReader(body),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if string(got) != body || err != nil {
			t.Errorf("got a body of %d bytes, %v; want %d", len(got), err, len(body))
		}
		if resp.Status != "201 Made" || resp.Headers.Get("X-Method") != "POST" {
			t.Errorf("got %q, %v", resp.Status, resp.Headers)
		}
	})
}

func TestShutdownDrains(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		entered, release := make(chan bool), make(chan bool)
		s := start(t, network, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			entered <- true
			<-release
			return hello(w, r)
		})})
		c := s.send(request(""))
		<-entered
		ended, stop := context.WithCancel(context.Background())
		stop()
		if err := s.Shutdown(ended); err != context.Canceled {
			t.Errorf("Shutdown under way returned %v; want the error of its context", err)
		}
		close(release)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown returned %v", err)
		}
		if got, err := io.ReadAll(c); string(got) != helloAnswer || err != nil {
			t.Errorf("got %q, %v; want the whole answer", got, err)
		}
		s.Addr = "127.0.0.1:0"
		if err := s.ListenAndServe(); err != gateway.ErrServerClosed {
			t.Errorf("ListenAndServe after Shutdown returned %v", err)
		}
	})
}

// target is the address for a Client.
func (r *running) target() string {
	if r.network == "unix" {
		return "scgi+unix:" + r.addr
	}
	return "scgi://" + r.addr
}
