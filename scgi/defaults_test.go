package scgi

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

func TestDefaults(t *testing.T) {
	sv := newService(new(Server))
	if want := (limits{block: 256 << 10, params: 1024}); sv.limits != want {
		t.Errorf("got %+v; want %+v", sv.limits, want)
	}
	if sv.readTimeout != time.Minute || sv.writeTimeout != time.Minute {
		t.Errorf("timeouts: got %v and %v; want a minute", sv.readTimeout, sv.writeTimeout)
	}
}

// A peer that keeps the server waiting, for the head and with the answer, is served where there is
// no bound.
func TestNegativeTimeoutsAreNone(t *testing.T) {
	const size = 8 << 20
	s := start(t, "unix", &Server{ReadTimeout: -1, WriteTimeout: -1, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.Copy(w, strings.NewReader(strings.Repeat("x", size)))
		return err
	})})
	c := s.dial()
	waitUntil(t, func() bool { return s.Stats().Idle == 1 })
	if _, err := io.WriteString(c, request("")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); len(got) < size || err != nil {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, size)
	}
}
