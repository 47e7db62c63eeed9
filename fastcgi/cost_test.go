package fastcgi_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// TestAllocations bounds the allocations of one request of nginx on a kept connection. The client
// of the test allocates nothing.
func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		name string
		app  gateway.App
		most float64
	}{
		{"gateway.App", gateway.AppFunc(hello), 8},
		{"httpapp", httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "hello "+r.URL.Path)
		})), 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := start(t, &fastcgi.Server{App: c.app})
			conn := dial(t, srv.addr)
			request, answer := []byte(nginxHello()), make([]byte, 4096)
			exchange := func() {
				if _, err := conn.Write(request); err != nil {
					t.Fatal(err)
				}
				n, err := io.ReadAtLeast(conn.Conn, answer, 2*8)
				if err != nil || !bytes.Contains(answer[:n], []byte("hello /hello")) || !bytes.HasSuffix(answer[:n], []byte(rec(typeEnd, 1, "\x00\x00\x00\x00\x00\x00\x00\x00"))) {
					t.Fatalf("got %q, %v", answer[:n], err)
				}
			}
			for range 10 { // pools are filled
				exchange()
			}
			if got := testing.AllocsPerRun(500, exchange); got > c.most {
				t.Errorf("%v allocations; want at most %v", got, c.most)
			} else {
				t.Logf("%v allocations", got)
			}
		})
	}
}
