package nethttp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// Package fastcgi tests what both engines do in the same way. Here are the tests of the watch and
// of the behaviour of net/http/fcgi.

// patience bounds every wait of the tests.
const patience = 30 * time.Second

// running is a server under test.
type running struct {
	*Server
	t    *testing.T
	addr net.Addr
	log  *logBuffer
}

// logBuffer collects log lines.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start serves with s on a unix socket until the test ends.
func start(t *testing.T, s *Server) *running {
	t.Helper()
	dir, err := os.MkdirTemp("", "fcgi") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Server: s, t: t, addr: l.Addr(), log: new(logBuffer)}
	s.ErrorLog = slog.New(slog.NewTextHandler(r.log, nil))
	go s.Serve(l)
	t.Cleanup(r.stop)
	return r
}

// stop closes the server and waits until it is done.
func (r *running) stop() {
	r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.Shutdown(ctx); err != nil || r.Stats().Requests != 0 {
		r.t.Errorf("Shutdown after Close: %v, %d requests", err, r.Stats().Requests)
	}
}

// client is a web server's connection.
type client struct {
	t *testing.T
	net.Conn
	records *wire.RecordReader
}

func (r *running) dial() *client {
	r.t.Helper()
	nc, err := net.Dial(r.addr.Network(), r.addr.String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return &client{r.t, nc, wire.NewRecordReader(nc)}
}

// send writes records.
func (c *client) send(records ...[]byte) *client {
	c.t.Helper()
	if _, err := c.Write(bytes.Join(records, nil)); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
	return c
}

// next reads a record and writes it down: its type, its id, and its content.
func (c *client) next() string {
	c.t.Helper()
	h, content, err := c.records.Next()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %d %s", h.Type, h.ID, content)
}

// want compares the next records.
func (c *client) want(records ...string) {
	c.t.Helper()
	for _, want := range records {
		if got := c.next(); got != want {
			c.t.Errorf("got %q; want %q", got, want)
		}
	}
}

// Records as client.next has them.
func stdoutOf(id uint16, content string) string {
	return fmt.Sprintf("%d %d %s", wire.TypeStdout, id, content)
}

func endOf(id uint16, status wire.ProtocolStatus) string {
	return fmt.Sprintf("%d %d %s", wire.TypeEndRequest, id, []byte{0, 0, 0, 0, byte(status), 0, 0, 0})
}

// broken is the end of a connection on which a response is not complete, as client.next has it.
var broken = fmt.Sprint(wire.Errorf("record of version 255; want version 1: header %q", breakMark))

// answer reads the answer to the only request under way and returns its STDOUT.
func (c *client) answer() (text string) {
	c.t.Helper()
	for {
		h, content, err := c.records.Next()
		switch {
		case err != nil:
			c.t.Fatalf("reading an answer: %v, after %q", err, text)
		case h.Type == wire.TypeEndRequest:
			return text
		case h.Type == wire.TypeStdout:
			text += string(content)
		}
	}
}

// body reads the answer to the only request under way and returns its body.
func (c *client) body() string {
	c.t.Helper()
	_, body, _ := strings.Cut(c.answer(), "\r\n\r\n")
	return body
}

func begin(id uint16) []byte {
	return wire.AppendBeginRequest(nil, id, wire.BeginRequest{Role: wire.RoleResponder, KeepConn: true})
}

// params is a whole PARAMS stream. It has what net/http/fcgi insists on, unless it is among the
// pairs, where the last value counts.
func params(id uint16, pairs ...string) []byte {
	pairs = append([]string{"REQUEST_METHOD", "GET", "SERVER_PROTOCOL", "HTTP/1.1"}, pairs...)
	var content []byte
	for i := 0; i < len(pairs); i += 2 {
		content = wire.AppendPair(content, pairs[i], pairs[i+1])
	}
	return wire.AppendRecord(wire.AppendRecord(nil, wire.TypeParams, id, content), wire.TypeParams, id, nil)
}

func stdinRecord(id uint16, content string) []byte {
	return wire.AppendRecord(nil, wire.TypeStdin, id, []byte(content))
}

// head is a request up to its body.
func head(id uint16, pairs ...string) []byte { return append(begin(id), params(id, pairs...)...) }

// get is a whole request without a body.
func get(id uint16, pairs ...string) []byte {
	return append(head(id, pairs...), stdinRecord(id, "")...)
}

func abort(id uint16) []byte { return wire.AppendRecord(nil, wire.TypeAbortRequest, id, nil) }

// receive fails the test when nothing comes out of ch.
func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	panic("not reached")
}

// say is an App that answers with a variable.
func say(name string) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, r.Environ.Get(name))
		return err
	}
}
