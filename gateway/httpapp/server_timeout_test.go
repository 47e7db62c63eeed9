package httpapp_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

func TestServerRequestTimeout(t *testing.T) {
	app := newWaiting()
	s := serveOn(t, "tcp", &httpapp.Server{App: app, RequestTimeout: time.Millisecond})
	if status, _, err := s.ask(getRequest); status != 500 {
		t.Errorf("got %d, %v; want 500 for what the App returned", status, err)
	}
	if got := s.log.String(); !strings.Contains(got, "deadline exceeded") {
		t.Errorf("logged %q", got)
	}
}

// The timeouts bound waits: each of these clients makes the server wait, and the Apps answer at
// once.
func TestServerTimeouts(t *testing.T) {
	const short = 50 * time.Millisecond
	tests := []struct {
		name, request string
		server        httpapp.Server
		status        int // 0: the connection is closed without an answer
	}{
		{"no head", "", httpapp.Server{ReadTimeout: short}, 0},
		{"half a head", "GET / HTTP/1.1\r\nHost: h\r\n", httpapp.Server{ReadTimeout: short}, 0},
		{"half a body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na", httpapp.Server{ReadTimeout: short, App: gateway.AppFunc(readBody)}, 408},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			if tt.server.App == nil {
				tt.server.App = gateway.AppFunc(greet)
			}
			synctest.Test(t, func(t *testing.T) {
				c := servePipes(t, &tt.server).Dial()
				defer c.Close()
				c.SetDeadline(time.Now().Add(2 * short))
				if status, _, err := exchangeOn(c, tt.request); status != tt.status || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("got %d, %v; want %d", status, err, tt.status)
				}
			})
		})
	}
}

func TestServerIdleTimeout(t *testing.T) {
	s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(greet), IdleTimeout: time.Millisecond})
	c := s.dial()
	if status, _, err := exchangeOn(c, getRequest); status != 200 {
		t.Fatalf("got %d, %v", status, err)
	}
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %d bytes, %v; want the end", n, err)
	}
}

// A request may take longer than both timeouts if no single wait does. The deadline of the body
// does not end the context of a request whose body was read.
func TestServerTimeoutsBoundWaits(t *testing.T) {
	const short = 100 * time.Millisecond
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		if err := readBody(w, r); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		select {
		case <-r.Context().Done():
			return r.Context().Err()
		case <-time.After(3 * short): // the time itself is under test
		}
		_, err := io.WriteString(w, "late")
		return err
	})
	synctest.Test(t, func(t *testing.T) {
		c := servePipes(t, &httpapp.Server{App: app, ReadTimeout: short, WriteTimeout: short}).Dial()
		defer c.Close()
		status, body, err := exchangeOn(c, head+"Content-Length: 2\r\n\r\nab")
		if status != 200 || body != "late" || err != nil {
			t.Errorf("got %d, %q, %v", status, body, err)
		}
	})
}

// The response to a client that takes no bytes is aborted. A slow client gets its response.
func TestServerWriteTimeout(t *testing.T) {
	t.Parallel()
	const (
		size    = 16 << 20 // more than the buffers of both ends hold
		timeout = 500 * time.Millisecond
	)
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]gateway.AppFunc{
		"bytes": func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := w.Write(make([]byte, size))
			return err
		},
		"file": func(w gateway.ResponseWriter, r *gateway.Request) error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		},
	}
	for name, body := range bodies {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(name+" "+network, func(t *testing.T) {
				t.Parallel()
				ended := make(chan error, 2)
				app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
					w.Headers().Set("Content-Length", fmt.Sprint(size))
					err := body(w, r)
					ended <- err
					return err
				})
				s := serveOn(t, network, &httpapp.Server{App: app, WriteTimeout: timeout})
				stuck := s.dial()
				io.WriteString(stuck, getRequest)
				if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("got %v; want a deadline", err)
				}
				slow := s.dial()
				io.WriteString(slow, getRequest)
				if n := readSlowly(slow, size/(1<<20), timeout/12); n < size {
					t.Errorf("a slow client got %d bytes of %d, log %s", n, size, s.log)
				}
				if got := s.log.String(); got != "" {
					t.Errorf("logged %q; want nothing for a peer", got)
				}
			})
		}
	}
}

// Bytes that only fill the system's buffers do not count as progress. A busy machine may be late,
// so the best of several tries counts.
func TestServerWriteTimeoutLastsOnce(t *testing.T) {
	t.Parallel()
	const bound, tries = time.Second, 4
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			took := make(chan time.Duration, 1)
			app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				began := time.Now()
				_, err := w.Write(make([]byte, 64<<20))
				took <- time.Since(began)
				return err
			})
			s := serveOn(t, network, &httpapp.Server{App: app, WriteTimeout: bound})
			var all []time.Duration
			for range tries {
				c := s.dial()
				io.WriteString(c, getRequest)
				last := <-took
				c.Close()
				if all = append(all, last); last >= bound && last < bound*3/2 {
					return
				}
			}
			t.Errorf("the App's Write failed after %v; want one WriteTimeout, %v", all, bound)
		})
	}
}

// readSlowly reads that many MiB with a pause after each, and returns the number of bytes. The
// pauses make the client slow.
func readSlowly(r io.Reader, pieces int, pause time.Duration) (total int64) {
	for range pieces {
		n, err := io.CopyN(io.Discard, r, 1<<20)
		total += n
		if err != nil {
			return total
		}
		time.Sleep(pause)
	}
	return total
}
