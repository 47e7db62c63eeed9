package httpapp_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// TestAmbiguousLength: a request that a proxy may end at another byte is the last one of its
// connection (RFC 9112 section 6.1).
func TestAmbiguousLength(t *testing.T) {
	const (
		plain   = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
		length  = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde"
		chunked = "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
		both    = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
		odd     = "POST /x HTTP/1.1\r\nHost: h\r\ntRANSFER-eNCODING: chunked\r\nTransfer: x\r\ncONTENT-lENGTH:0\r\n\r\n0\r\n\r\n"
		old     = "POST /x HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"
		fine    = "POST /x HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nabcde"
		alike   = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length-X: 1\r\nX-Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	)
	large := fmt.Sprintf("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", 80<<10) + strings.Repeat("x", 80<<10)
	for _, test := range []struct {
		name     string
		requests []string
		answered int // number of answers before the connection is closed
		// the same if all requests are sent at once, so that framing has seen later ones
		atOnce int
	}{
		{"one field at a time", []string{length, chunked, length, chunked, plain, chunked, alike, plain}, 8, 8},
		{"both", []string{both, plain}, 1, 1},
		{"both, after others", []string{length, plain, both, plain}, 3, 3},
		{"both, after a chunked one", []string{chunked, both, plain}, 2, 1},
		{"in another order and case", []string{plain, odd, plain}, 2, 2},
		{"large body", []string{large, chunked, large, both, plain}, 4, 4},
		{"HTTP/1.0 with a coding", []string{old, plain}, 1, 1},
		{"HTTP/1.0", []string{fine, fine, plain}, 3, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(greet)})
			c := s.dial()
			if _, err := io.WriteString(c, strings.Join(test.requests, "")); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(c)
			n := 0
			for n < len(test.requests) && isAnswered(t, in) {
				n++
			}
			if n != test.atOnce {
				t.Errorf("at once: got %d answers; want %d", n, test.atOnce)
			}
			if n := answeredInTurn(t, s.dial(), test.requests); n != test.answered {
				t.Errorf("byte by byte: got %d answers; want %d", n, test.answered)
			}
		})
	}
}

// answeredInTurn sends each request byte by byte after the answer to the one before it.
func answeredInTurn(t *testing.T, c net.Conn, requests []string) (n int) {
	t.Helper()
	in := bufio.NewReader(c)
	for _, r := range requests {
		for i := range len(r) {
			if _, err := io.WriteString(c, r[i:i+1]); err != nil {
				return n // the server has closed the connection
			}
		}
		if !isAnswered(t, in) {
			return n
		}
		n++
	}
	return n
}

// isAnswered reads one answer. It reports false where the connection ends instead.
func isAnswered(t *testing.T, in *bufio.Reader) bool {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return false
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
		t.Errorf("got %s, %v", resp.Status, err)
	}
	return true
}

// TestHTTP2Preface: the preface of an HTTP/2 connection does not reach the App.
func TestHTTP2Preface(t *testing.T) {
	s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(greet)})
	c := s.dial()
	if _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); !strings.HasPrefix(string(got), "HTTP/1.1 400 ") || strings.Count(string(got), "HTTP/1.1 ") != 1 {
		t.Errorf("got %q, %v; want one 400", got, err)
	}
}
