package fastcgi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

func TestClientTimeouts(t *testing.T) {
	const short = 20 * time.Millisecond
	for _, test := range []struct {
		name  string
		setup func(c *fastcgi.Client)
		r     *gateway.Request
		serve func(a appConn)
	}{
		{"first byte", func(c *fastcgi.Client) { c.FirstByteTimeout = short }, requestOf("GET", nil), func(a appConn) {
			a.request()
			a.hangUp()
		}},
		{"first byte behind a body", func(c *fastcgi.Client) { c.FirstByteTimeout = short }, requestOf("POST", streamed("body")), func(a appConn) {
			a.request()
			a.hangUp()
		}},
		{"between bytes", func(c *fastcgi.Client) { c.ReadTimeout = short }, requestOf("GET", nil), func(a appConn) {
			call, _ := a.request()
			a.say(stdout(call.id, "A: b\r\n\r\npart"))
			a.hangUp()
		}},
		{"between bytes of the head", func(c *fastcgi.Client) { c.ReadTimeout = short }, requestOf("GET", nil), func(a appConn) {
			call, _ := a.request()
			a.say(stdout(call.id, "A: b\r\n"))
			a.hangUp()
		}},
		{"write", func(c *fastcgi.Client) { c.WriteTimeout = short }, requestOf("POST", endless{}), func(a appConn) {
			a.head()
			<-time.After(10 * short)
			a.hangUp()
		}},
		{"write of the variables", func(c *fastcgi.Client) { c.WriteTimeout = short }, requestOf("GET", nil, "A", strings.Repeat("x", 4<<20)), func(a appConn) {
			<-time.After(10 * short)
			a.hangUp()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := application(t, test.serve)
			test.setup(c)
			if _, _, err := exchange(c, test.r); backendStatus(err) != 504 {
				t.Errorf("got %v; want a BackendError of 504", err)
			}
		})
	}
}

// A slow upload is not the application's silence.
func TestClientTimeoutWaitsForTheBody(t *testing.T) {
	c := application(t, func(a appConn) {
		call, _ := a.request()
		a.say(whole(call.id, "A: b\r\n\r\n"+call.stdin))
	})
	c.FirstByteTimeout = 40 * time.Millisecond
	body, feed := io.Pipe()
	go func() {
		for range 10 {
			feed.Write([]byte("x"))
			<-time.After(20 * time.Millisecond)
		}
		feed.Close()
	}()
	if _, got, err := exchange(c, requestOf("POST", body)); got != "xxxxxxxxxx" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// The end of the context ends every wait, and closes the connection (F43).
func TestClientCancel(t *testing.T) {
	for _, sent := range []string{"", stdout(1, "A: b\r\n\r\npart")} {
		for _, body := range []io.Reader{nil, endless{}} {
			t.Run(fmt.Sprintf("sent %d, body %T", len(sent), body), func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				closed := make(chan bool)
				c := application(t, func(a appConn) {
					defer close(closed)
					a.head()
					a.say(sent)
					if sent == "" {
						cancel()
					}
					a.hangUp()
				})
				resp, err := c.RoundTrip(requestOf("POST", body).WithContext(ctx))
				if err == nil {
					io.ReadFull(resp.Body, make([]byte, 4))
					cancel()
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				if !errors.Is(err, context.Canceled) || backendStatus(err) != 502 {
					t.Errorf("got %v; want a 502 of context.Canceled", err)
				}
				<-closed
				if s := c.Stats(); s.Active != 0 || s.Idle != 0 {
					t.Errorf("got %+v; want no connection left", s)
				}
			})
		}
	}
}

func TestClientDeadline(t *testing.T) {
	c := application(t, func(a appConn) { a.hangUp() })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.RoundTrip(requestOf("GET", nil).WithContext(ctx)); !errors.Is(err, context.DeadlineExceeded) || backendStatus(err) != 504 {
		t.Errorf("got %v; want a 504 of context.DeadlineExceeded", err)
	}
}

// Close before the end aborts.
func TestClientEarlyClose(t *testing.T) {
	closed := make(chan error, 1)
	c := application(t, func(a appConn) {
		call, _ := a.request()
		err := a.say(stdout(call.id, "A: b\r\n\r\n"))
		for err == nil {
			err = a.say(stdout(call.id, strings.Repeat("x", 1000)))
		}
		closed <- err
	})
	resp, err := c.RoundTrip(requestOf("GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("a closed Body ended as if it were whole")
	}
	if err := <-closed; !gateway.PeerGone(err) {
		t.Errorf("the application saw %v; want the connection closed", err)
	}
}
