package httpapp

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// Each Server answers one request, so that all code that sets a default has run.
func TestDefaults(t *testing.T) {
	for _, tt := range []struct {
		name           string
		field          time.Duration
		head, body, up time.Duration // zero or less: no bound
	}{
		{"zero", 0, time.Minute, time.Minute, time.Minute},
		{"negative", -1, 0, -1, -1},
		{"set", time.Hour, time.Hour, time.Hour, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Server{ReadTimeout: tt.field, WriteTimeout: tt.field}
			up := writeTimeoutOf(t, s)
			if s.engine.ReadHeaderTimeout != tt.head || s.app.readTimeout != tt.body || up != tt.up {
				t.Errorf("got %v for the head, %v for the body, %v for the answer; want %v, %v, %v",
					s.engine.ReadHeaderTimeout, s.app.readTimeout, up, tt.head, tt.body, tt.up)
			}
			if s.engine.MaxHeaderBytes != 256<<10 {
				t.Errorf("MaxHeaderBytes: got %d; want 256 KiB", s.engine.MaxHeaderBytes)
			}
		})
	}
}

// writeTimeoutOf serves one request with s, and returns the write timeout of its connection.
func writeTimeoutOf(t *testing.T, s *Server) time.Duration {
	t.Helper()
	found := make(chan time.Duration, 1)
	s.App = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		found <- r.Context().Value(connKey{}).(*conn).writeTimeout
		return nil
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.Close()
	<-served
	return <-found
}
