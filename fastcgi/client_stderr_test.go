package fastcgi_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
)

// STDERR goes to the request's Stderr, in any amount, before, within and after the response (F25).
func TestClientStderr(t *testing.T) {
	flood := strings.Repeat("e", 60_000)
	c := application(t, func(a appConn) {
		for {
			call, err := a.request()
			if err != nil {
				return
			}
			a.say(strings.Repeat(rec(typeStderr, call.id, flood), 20), stdout(call.id, "A: b\r\n\r\nbo"),
				padded(typeStderr, call.id, "between", "..."), stdout(call.id, "dy"), rec(typeStderr, call.id, "last"), end(call.id, 0, 0))
		}
	})
	c.MaxStderrBytes = -1
	var log bytes.Buffer
	r := requestOf("GET", nil)
	r.Stderr = &log
	if _, got, err := exchange(c, r); got != "body" || err != nil || log.String() != strings.Repeat(flood, 20)+"betweenlast" {
		t.Errorf("got %q, %v, and %d bytes of log", got, err, log.Len())
	}
	for _, w := range []io.Writer{nil, failingWriter{}} {
		r.Stderr = w
		if _, got, err := exchange(c, r); got != "body" || err != nil {
			t.Errorf("%T: got %q, %v", w, got, err)
		}
	}
}

// Too much of STDERR ends the exchange, before the head and after it, on a connection of its own
// and on a shared one.
func TestClientMaxStderrBytes(t *testing.T) {
	for _, test := range []struct {
		name   string
		most   int64
		sent   []int // sizes of STDERR records
		want   int   // what of it comes to the log
		status int
	}{
		{"none", 0, nil, 0, 0},
		{"the default", 0, slices.Repeat([]int{1 << 15}, 32), 1 << 20, 0},
		{"over the default", 0, append(slices.Repeat([]int{1 << 15}, 32), 1), 1 << 20, 502},
		{"just enough", 10, []int{4, 0, 6}, 10, 0},
		{"one too many", 10, []int{4, 6, 1}, 10, 502},
		{"too many at once", 10, []int{60_000}, 10, 502},
		{"no bound", -1, slices.Repeat([]int{1 << 15}, 40), 40 << 15, 0},
	} {
		for _, where := range []string{"before the head", "in the body"} {
			for _, open := range []func(*testing.T, func(appConn)) *fastcgi.Client{application, multiplexing} {
				t.Run(test.name+" "+where, func(t *testing.T) {
					c := open(t, func(a appConn) {
						call, err := a.request()
						if err != nil {
							return
						}
						if where == "in the body" {
							a.say(stdout(call.id, "A: b\r\n\r\n"))
						}
						for _, n := range test.sent {
							a.say(rec(typeStderr, call.id, strings.Repeat("e", n)))
						}
						if where == "before the head" {
							a.say(stdout(call.id, "A: b\r\n\r\n"))
						}
						a.say(whole(call.id, "body"))
						a.hangUp() // the connection is closed
					})
					c.MaxStderrBytes = test.most
					var log bytes.Buffer
					r := requestOf("GET", nil)
					r.Stderr = &log
					_, got, err := exchange(c, r)
					if backendStatus(err) != test.status || err == nil && got != "body" || log.Len() != test.want {
						t.Errorf("got %q, %v, and %d bytes of log; want %d and %d bytes", got, err, log.Len(), test.status, test.want)
					}
					if err != nil && !strings.Contains(err.Error(), "MaxStderrBytes") {
						t.Errorf("got %v; want the name of the bound", err)
					}
					settle(t, c)
					c.CloseIdle()
				})
			}
		}
	}
}

// Any record is progress: an application that only writes to its log is waited for.
func TestClientStderrIsProgress(t *testing.T) {
	t.Parallel()
	const timeout = time.Second
	c := application(t, func(a appConn) {
		call, _ := a.request()
		tick := time.NewTicker(timeout / 20)
		defer tick.Stop()
		for end := time.Now().Add(timeout + timeout/4); time.Now().Before(end); <-tick.C {
			a.say(rec(typeStderr, call.id, "still at work"))
		}
		a.say(whole(call.id, ok))
	})
	c.ReadTimeout, c.FirstByteTimeout = timeout, timeout
	expectOK(t, c)
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("full") }
