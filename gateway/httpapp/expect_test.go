package httpapp_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// TestExpectTooLarge: a client that sends "Expect: 100-continue" and declares too long a body gets
// a 413, and never a 100, not even while the server reads what the client may have sent already.
func TestExpectTooLarge(t *testing.T) {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.Copy(w, r.Stdin)
		return err
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httpapp.Server{App: app, MaxBodyBytes: 5, ErrorLog: slog.New(slog.DiscardHandler)}
	go s.Serve(l)
	defer s.Close()
	for length, want := range map[int]int{5: http.StatusContinue, 6: http.StatusRequestEntityTooLarge} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", length)
		c.(*net.TCPConn).CloseWrite()
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want {
			t.Errorf("length %d: got %s; want %d", length, resp.Status, want)
		}
		io.Copy(io.Discard, resp.Body)
		if rest, err := io.ReadAll(in); want != http.StatusContinue && (len(rest) > 0 || err != nil) {
			t.Errorf("length %d: got %q, %v after the answer; want the end", length, rest, err)
		}
		c.Close()
	}
}
