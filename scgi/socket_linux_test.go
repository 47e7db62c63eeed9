package scgi

import (
	"context"
	"io"
	"testing"
	"time"
)

func TestPeerGoneEndsTheContext(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		for _, raw := range []string{
			request(""),
			request("body that the app leaves unread"),
			request("0123456789")[:len(request("0123456789"))-5], // the rest never comes
		} {
			app := newWaiting()
			s := start(t, network, &Server{App: app})
			c := s.send(raw)
			<-app.entered
			c.Close()
			if err := <-app.ended; err != context.Canceled {
				t.Errorf("got %v; want context.Canceled", err)
			}
			waitUntil(t, func() bool { return s.Stats().Active == 0 })
			if text := s.log.String(); text != "" {
				t.Errorf("logged %q for a peer that went away", text)
			}
		}
	})
}

// socat and nc half-close after the request. They get their answer, and on a unix socket the App
// is not disturbed.
func TestHalfClosedPeerGetsItsAnswer(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		app := newWaiting()
		s := start(t, network, &Server{App: app})
		c := s.send(request("unread"))
		<-app.entered
		c.(interface{ CloseWrite() error }).CloseWrite()
		want := context.Canceled // a FIN is all that there is to see
		if network == "unix" {
			want = nil
			time.Sleep(50 * time.Millisecond) // a wrong cancellation would come at once
			close(app.release)
		}
		if err := <-app.ended; err != want {
			t.Errorf("the app's context: got %v; want %v", err, want)
		}
		if got, err := io.ReadAll(c); string(got) != helloAnswer || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}
