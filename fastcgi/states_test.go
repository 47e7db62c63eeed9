package fastcgi_test

import (
	"io"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// manyRecords is a STDIN stream of that size without its end.
func manyRecords(id uint16, size int) (text string) {
	for ; size > 0; size -= 50_000 {
		text += rec(typeStdin, id, string(make([]byte, min(size, 50_000))))
	}
	return text
}

// stateApp keeps the connection in its state until the web server has gone, or the server is
// closed.
func stateApp(w gateway.ResponseWriter, r *gateway.Request) error {
	switch r.Environ.Get("REQUEST_URI") {
	case "/running":
		<-r.Context().Done()
		return r.Context().Err()
	case "/reading":
		_, err := io.Copy(io.Discard, r.Stdin)
		return err
	case "/writing":
		for {
			if _, err := w.Write(make([]byte, 200_000)); err != nil {
				return err
			}
		}
	}
	return hello(w, r)
}

// TestEndsInEveryState ends a connection in each state, at once and a moment later, in every way:
// nothing may be left of it. Neither side can tell when the other is in its state, which is why
// there are several moments.
func TestEndsInEveryState(t *testing.T) {
	endings := map[string]func(c *client, srv *server){
		"disconnect":             func(c *client, srv *server) { c.Close() },
		"Close":                  func(c *client, srv *server) { srv.Close() },
		"disconnect and Close":   func(c *client, srv *server) { go c.Close(); srv.Close() },
		"half-close, then Close": func(c *client, srv *server) { c.Conn.(interface{ CloseWrite() error }).CloseWrite(); srv.Close() },
	}
	bothEngines(t, func(t *testing.T) {
		for _, state := range states {
			t.Run(state.name, func(t *testing.T) {
				t.Parallel()
				for name, end := range endings {
					for _, later := range []time.Duration{0, 100 * time.Microsecond, 5 * time.Millisecond} {
						srv := startApp(t, stateApp)
						c := dial(t, srv.addr)
						sent := make(chan struct{})
						go func() {
							defer close(sent)
							io.WriteString(c.Conn, state.sent)
						}()
						time.Sleep(later)
						end(c, srv)
						if name == "disconnect" {
							<-sent
							waitUntil(t, "the end of the connection", func() bool { s := srv.Stats(); return s.Active+s.Idle == 0 })
						}
						srv.stop(t)
						c.Close()
						<-sent
						if got := srv.CurrentRequests(); got != 0 {
							t.Errorf("%s after %v: %d requests are left", name, later, got)
						}
					}
				}
			})
		}
	})
}
