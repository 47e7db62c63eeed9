package fastcgi_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/fcgi"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
)

// keeps reports whether a request told the application to leave the connection open (FastCGI
// section 5.1).
func keeps(c *call) bool { return c.begin[2]&keepConn != 0 }

// FCGI_KEEP_CONN is sent only with a request whose connection has a place among those that are
// kept.
func TestClientKeepConn(t *testing.T) {
	for _, test := range []struct {
		most int
		want string // of three requests at the same time, and of one after them
	}{
		{-1, "false false false false"},
		{0, "false false false false"},
		{1, "true false false true"},
		{2, "true true false true"},
		{9, "true true true true"},
	} {
		t.Run(fmt.Sprint(test.most), func(t *testing.T) {
			asked, release := make(chan bool), make(chan bool)
			c := application(t, func(a appConn) {
				for {
					r, err := a.request()
					if err != nil {
						return
					}
					asked <- keeps(r)
					<-release
					a.say(whole(r.id, ok))
				}
			})
			c.MaxIdleConns = test.most
			var got []string
			done := make(chan bool)
			begin := func() {
				go func() {
					expectOK(t, c)
					done <- true
				}()
				got = append(got, fmt.Sprint(<-asked))
			}
			for range 3 {
				begin()
			}
			close(release)
			for range 3 {
				<-done
			}
			if s := c.Stats(); s.Idle != min(max(test.most, 0), 3) || s.Active != 0 {
				t.Errorf("got %+v; want %d idle connections at most", s, test.most)
			}
			begin()
			<-done
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("FCGI_KEEP_CONN was %s; want %s", got, test.want)
			}
		})
	}
}

// A place among the kept connections is free again when its connection has ended.
func TestClientKeepConnAgain(t *testing.T) {
	for name, end := range map[string]func(c *fastcgi.Client){
		"CloseIdle": (*fastcgi.Client).CloseIdle,
		"failure": func(c *fastcgi.Client) {
			exchange(c, requestOf("GET", nil, "WHAT", "break"))
		},
		"IdleTimeout": func(c *fastcgi.Client) {
			waitUntil(t, "the end of the connection", func() bool { return c.Stats().Idle == 0 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := application(t, func(a appConn) {
				for {
					r, err := a.request()
					if err != nil || r.param("WHAT") == "break" {
						return
					}
					if !keeps(r) {
						t.Errorf("request %d on connection %d came without FCGI_KEEP_CONN", r.id, a.number)
					}
					a.say(whole(r.id, ok))
				}
			})
			c.MaxIdleConns = 1
			if name == "IdleTimeout" {
				c.IdleTimeout = time.Millisecond
			}
			for range 3 {
				expectOK(t, c)
				end(c)
			}
		})
	}
}

func TestClientValues(t *testing.T) {
	result := rec(typeGetValuesResult, 0, pairs("FCGI_MPXS_CONNS", "1", "FCGI_MAX_CONNS", ""))
	for _, test := range []struct {
		name   string
		answer string
		want   string
		status int
		reason string
	}{
		{"known", result, "map[FCGI_MAX_CONNS: FCGI_MPXS_CONNS:1]", 0, ""},
		{"none known", rec(typeGetValuesResult, 0, ""), "map[]", 0, ""},
		{"and something after it", result + rec(typeGetValuesResult, 0, ""), "map[FCGI_MAX_CONNS: FCGI_MPXS_CONNS:1]", 0, ""},
		{"closed (F15)", "", "map[]", 502, "unexpected EOF"},
		{"cut", result[:20], "map[]", 502, "unexpected EOF"},
		{"an unknown type", rec(typeUnknownType, 0, "\x09\x00\x00\x00\x00\x00\x00\x00"), "map[]", 502, "type 11"},
		{"of a request", rec(typeGetValuesResult, 1, ""), "map[]", 502, "request 1"},
		{"malformed", rec(typeGetValuesResult, 0, "\x05"), "map[]", 502, "without a value length"},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", "map[]", 502, "version 72"},
	} {
		t.Run(test.name, func(t *testing.T) {
			left := make(chan string, 1)
			c := application(t, func(a appConn) {
				if r := a.next(); r != (record{typeGetValues, 0, pairs("FCGI_MPXS_CONNS", "", "FCGI_MAX_CONNS", "")}) {
					t.Errorf("got %+v", r)
				}
				if test.answer == "" {
					return
				}
				a.say(test.answer)
				if test.name == "cut" {
					return
				}
				left <- a.hangUp()
			})
			got, err := c.Values(t.Context(), "FCGI_MPXS_CONNS", "FCGI_MAX_CONNS")
			if fmt.Sprint(got) != test.want || backendStatus(err) != test.status || err != nil && !strings.Contains(err.Error(), test.reason) {
				t.Errorf("got %v, %v; want %s, or a BackendError of %d with %q", got, err, test.want, test.status, test.reason)
			}
			if s := c.Stats(); s != (fastcgi.ClientStats{Dialed: 1}) {
				t.Errorf("got %+v; want no request, and the connection closed", s)
			}
			if len(test.answer) > 20 && test.name != "cut" {
				if rest := <-left; rest != "" {
					t.Errorf("%q was sent after the answer", rest)
				}
			}
		})
	}
}

// A wait for values ends with the context, with FirstByteTimeout, under MaxConns, and with the
// Client.
func TestClientValuesWait(t *testing.T) {
	silent := func(a appConn) { a.hangUp() }
	c := application(t, silent)
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Values(short, "X"); backendStatus(err) != 504 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: got %v; want a 504", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Values(cancelled, "X"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	c.FirstByteTimeout = 20 * time.Millisecond
	if _, err := c.Values(t.Context(), "X"); backendStatus(err) != 504 {
		t.Errorf("FirstByteTimeout: got %v; want a 504", err)
	}
	c = application(t, silent)
	c.MaxConns, c.WaitTimeout = 1, 20*time.Millisecond
	resp := make(chan error)
	go func() {
		_, err := c.RoundTrip(requestOf("GET", nil))
		resp <- err
	}()
	waitUntil(t, "the request", func() bool { return c.Stats().Dialed == 1 })
	if _, err := c.Values(t.Context(), "X"); backendStatus(err) != 503 {
		t.Errorf("MaxConns: got %v; want a 503", err)
	}
	c.Close()
	<-resp
	if _, err := c.Values(t.Context(), "X"); !errors.Is(err, fastcgi.ErrClientClosed) {
		t.Errorf("Close: got %v; want ErrClientClosed", err)
	}
}

// The values that our servers and net/http/fcgi report. TestPHP and TestResponders have those of
// others.
func TestClientValuesOfGo(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		wantMultiplexes(t, &fastcgi.Client{Addr: "unix:" + startApp(t, hello).addr.String()}, "1")
	})
	t.Run("net/http/fcgi", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error)
		go func() { served <- fcgi.Serve(l, nil) }()
		wantMultiplexes(t, &fastcgi.Client{Addr: l.Addr().String()}, "1")
		l.Close()
		<-served
	})
}

// wantMultiplexes asks the application for FCGI_MPXS_CONNS.
func wantMultiplexes(t *testing.T, c *fastcgi.Client, want string) {
	t.Helper()
	values, err := c.Values(t.Context(), "FCGI_MPXS_CONNS")
	if got := values["FCGI_MPXS_CONNS"]; got != want || err != nil {
		t.Errorf("FCGI_MPXS_CONNS is %q, %v; want %q", got, err, want)
	}
}
