package host_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

// oneAtATime is a server that has HandleRequest.
type oneAtATime interface {
	HandleRequest(l net.Listener) error
	Close() error
}

// TestHandleRequest: each call answers one request, even if the client would send more on its
// connection, and the listener stays open.
func TestHandleRequest(t *testing.T) {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, "hello "+r.Environ.Get("PATH_INFO"))
		return err
	})
	scgiHead := "CONTENT_LENGTH\x000\x00SCGI\x001\x00PATH_INFO\x00/x\x00"
	keep := wire.AppendBeginRequest(nil, 1, wire.BeginRequest{Role: wire.RoleResponder, KeepConn: true})
	for _, pair := range [][2]string{{"REQUEST_METHOD", "GET"}, {"SERVER_PROTOCOL", "HTTP/1.1"}, {"PATH_INFO", "/x"}} {
		keep = wire.AppendRecord(keep, wire.TypeParams, 1, wire.AppendPair(nil, pair[0], pair[1]))
	}
	keep = wire.AppendRecord(wire.AppendRecord(keep, wire.TypeParams, 1, nil), wire.TypeStdin, 1, nil)
	for _, c := range []struct {
		name    string
		server  oneAtATime
		request string
	}{
		{"httpapp", &httpapp.Server{App: app, ErrorLog: quiet}, "GET /x HTTP/1.1\r\nHost: x\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"scgi", &scgi.Server{App: app, ErrorLog: quiet}, fmt.Sprintf("%d:%s,", len(scgiHead), scgiHead)},
		{"fastcgi", &fastcgi.Server{App: app, ErrorLog: quiet}, string(keep)},
		{"nethttp", &nethttp.Server{App: app, ErrorLog: quiet}, string(keep)},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			for range 3 {
				handled := make(chan error, 1)
				go func() { handled <- c.server.HandleRequest(l) }()
				// a connection that does not count
				silent, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				silent.Close()
				if answer := exchangeBytes(t, l.Addr().String(), c.request); strings.Count(answer, "hello /x") != 1 || strings.Contains(answer, "/y") {
					t.Errorf("got %q; want the answer to one request", answer)
				}
				if err := <-handled; err != nil {
					t.Errorf("HandleRequest: %v", err)
				}
			}
			handled := make(chan error, 1)
			go func() { handled <- c.server.HandleRequest(l) }()
			ended := make(chan error, 1)
			time.AfterFunc(time.Millisecond, func() { ended <- c.server.Close() })
			if err := <-handled; !errors.Is(err, gateway.ErrServerClosed) {
				t.Errorf("at Close: got %v; want ErrServerClosed", err)
			}
			if err := <-ended; err != nil {
				t.Errorf("Close: %v", err)
			}
			if err := c.server.HandleRequest(l); !errors.Is(err, gateway.ErrServerClosed) {
				t.Errorf("after Close: got %v; want ErrServerClosed", err)
			}
		})
	}
}

// TestHandleRequestSaysSo: the answer shows the client that the connection is closed.
func TestHandleRequestSaysSo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &httpapp.Server{App: hello, ErrorLog: quiet}
	go s.HandleRequest(l)
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil || !resp.Close {
		t.Fatalf("got %+v, %v; want Connection: close", resp, err)
	}
	resp.Body.Close()
}
