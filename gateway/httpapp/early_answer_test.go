package httpapp_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// streamed answers without a length, and does not read the body.
func streamed(w gateway.ResponseWriter, _ *gateway.Request) error {
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "early")
	return err
}

// wantEarly reads an answer of streamed to its end.
func wantEarly(t *testing.T, c net.Conn) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); string(body) != "early" || err != nil {
		t.Errorf("got %q, %v; want the whole answer", body, err)
	}
}

// The last chunk of an answer without a length does not wait for a body that the App does not read.
func TestEarlyAnswerEndsBeforeTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		s := &httpapp.Server{App: gateway.AppFunc(streamed)}
		served := make(chan error)
		go func() { served <- s.Serve(l) }()
		c := l.Dial()
		began := time.Now()
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nab")
		wantEarly(t, c)
		if took := time.Since(began); took >= time.Second {
			t.Errorf("the answer ended after %v; want it without the wait for the body", took)
		}
		c.Close()
		s.Close()
		<-served
		s.Shutdown(t.Context())
	})
}

// The client can send the rest of the body after it has read such an answer, which HTTP/1.0 ends by
// the end of the connection.
func TestEarlyAnswerReadsTheRestOfTheBody(t *testing.T) {
	for _, tt := range []struct{ network, version string }{{"tcp", "1.0"}, {"tcp", "1.1"}, {"unix", "1.1"}} {
		t.Run(tt.network+" "+tt.version, func(t *testing.T) {
			s := serveOn(t, tt.network, &httpapp.Server{App: gateway.AppFunc(streamed)})
			c := s.dial()
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			io.WriteString(c, "POST / HTTP/"+tt.version+"\r\nHost: h\r\nContent-Length: 104857600\r\n\r\nab")
			wantEarly(t, c)
			block := make([]byte, 1<<20)
			for range 50 {
				if _, err := c.Write(block); err != nil {
					t.Fatalf("sending the rest of the body: %v", err)
				}
			}
			if n, err := c.Read(block); n != 0 || err != io.EOF {
				t.Errorf("after the answer: %d bytes, %v; want the end", n, err)
			}
		})
	}
}

// A body that arrives in time leaves the connection usable.
func TestEarlyAnswerKeepsTheConnection(t *testing.T) {
	s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(streamed)})
	c := s.dial()
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	for range 2 {
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab")
		wantEarly(t, c)
	}
}

// After an early answer, the server does not read further bytes of the client as a request.
func TestEarlyAnswerIsTheLast(t *testing.T) {
	var calls atomic.Int32
	s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		calls.Add(1)
		return streamed(w, r)
	})})
	for _, body := range []string{"Content-Length: 100\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"} {
		smuggle(t, s.dial(), "POST / HTTP/1.1\r\nHost: h\r\n"+body)
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("the App was called %d times; want 2", n)
	}
}
