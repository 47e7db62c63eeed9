package fastcgi_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// The application's side of the tests of Client. It sends what a test tells it to. Like the client
// of the tests, it shares no code with package fastcgi.

// appConn is the application's end of a connection.
type appConn struct {
	*client
	number int // of the connection, from 1
}

// application serves each connection with serve, in a goroutine of its own, and closes it. It
// returns a Client of it.
func application(t *testing.T, serve func(a appConn)) *fastcgi.Client {
	t.Helper()
	return applicationOn(t, "unix", serve)
}

func applicationOn(t *testing.T, network string, serve func(a appConn)) *fastcgi.Client {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "fcgi") // a socket's path must be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		address = filepath.Join(dir, "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for number := 1; ; number++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer nc.Close()
				nc.SetDeadline(time.Now().Add(patience))
				serve(appConn{&client{t, nc}, number})
			})
		}
	})
	address = l.Addr().String()
	if network == "unix" {
		address = "unix:" + address
	}
	c := &fastcgi.Client{Addr: address}
	t.Cleanup(func() {
		c.Close()
		l.Close()
		running.Wait()
	})
	return c
}

// call is a request as the application got it.
type call struct {
	id    uint16
	begin string // the content of BEGIN_REQUEST
	pairs []string
	stdin string
}

// param is the value of a variable.
func (c *call) param(name string) string {
	for i := 0; i < len(c.pairs); i += 2 {
		if c.pairs[i] == name {
			return c.pairs[i+1]
		}
	}
	return ""
}

// head reads a request up to its body.
func (a appConn) head() (*call, error) {
	first, err := a.read()
	if err != nil {
		return nil, err
	}
	if first.kind != typeBegin {
		a.t.Errorf("a request begins with %+v", first)
		return nil, errBroken
	}
	c := &call{id: first.id, begin: first.content}
	var block strings.Builder
	for {
		r, err := a.read()
		switch {
		case err != nil:
			return nil, err
		case r.kind != typeParams || r.id != c.id:
			a.t.Errorf("among PARAMS is a record of type %d of request %d", r.kind, r.id)
			return nil, errBroken
		case r.content == "":
			c.pairs = cutPairs(block.String())
			return c, nil
		}
		block.WriteString(r.content)
	}
}

// request reads a whole request.
func (a appConn) request() (*call, error) {
	c, err := a.head()
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	for {
		r, err := a.read()
		switch {
		case err != nil:
			return nil, err
		case r.kind != typeStdin || r.id != c.id:
			a.t.Errorf("among STDIN is a record of type %d of request %d", r.kind, r.id)
			return nil, errBroken
		case r.content == "":
			c.stdin = body.String()
			return c, nil
		}
		body.WriteString(r.content)
	}
}

// say writes records, which the client need not be there to take.
func (a appConn) say(records ...string) error {
	_, err := io.WriteString(a.Conn, strings.Join(records, ""))
	return err
}

// hangUp waits for the client to close the connection, and returns what came before that.
func (a appConn) hangUp() string {
	rest, err := io.ReadAll(a.Conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		a.t.Error("the client did not close the connection")
	}
	return string(rest)
}

// cutPairs is the inverse of pairs.
func cutPairs(s string) (list []string) {
	length := func() (n int) {
		if s[0] < 0x80 {
			n, s = int(s[0]), s[1:]
			return n
		}
		n, s = int(binary.BigEndian.Uint32([]byte(s))&^(1<<31)), s[4:]
		return n
	}
	for s != "" {
		name, value := length(), length()
		list = append(list, s[:name], s[name:name+value])
		s = s[name+value:]
	}
	return list
}

func stdout(id uint16, content string) string { return rec(typeStdout, id, content) }

// end is END_REQUEST.
func end(id uint16, appStatus uint32, protocolStatus byte) string {
	content := append(binary.BigEndian.AppendUint32(nil, appStatus), protocolStatus, 0, 0, 0)
	return rec(typeEnd, id, string(content))
}

// whole is a whole answer.
func whole(id uint16, response string) string {
	return stdout(id, response) + stdout(id, "") + end(id, 0, 0)
}

// ok is a small response.
const ok = "Content-Type: text/plain\r\n\r\nok"

// answering answers every request of a connection with ok.
func answering(a appConn) {
	for {
		c, err := a.request()
		if err != nil || a.say(whole(c.id, ok)) != nil {
			return
		}
	}
}

// requestOf makes a request; a body may be nil.
func requestOf(method string, body io.Reader, namesAndValues ...string) *gateway.Request {
	e := util.NewEnviron()
	e.Add("REQUEST_METHOD", method)
	for i := 0; i < len(namesAndValues); i += 2 {
		e.Add(namesAndValues[i], namesAndValues[i+1])
	}
	return &gateway.Request{Environ: e, Stdin: body}
}

// streamed hides that a body is in memory.
func streamed(s string) io.Reader { return struct{ io.Reader }{strings.NewReader(s)} }

// exchange makes a request and reads the response.
func exchange(c gateway.Backend, r *gateway.Request) (*gateway.Response, string, error) {
	resp, err := c.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// expectOK makes a GET request, and wants ok.
func expectOK(t *testing.T, c gateway.Backend) {
	t.Helper()
	if _, got, err := exchange(c, requestOf("GET", nil)); got != "ok" || err != nil {
		t.Errorf("got %q, %v; want ok", got, err)
	}
}

// backendStatus is the status of the BackendError in err, 0 if there is none.
func backendStatus(err error) int {
	var b *gateway.BackendError
	if !errors.As(err, &b) {
		return 0
	}
	return b.Status
}
