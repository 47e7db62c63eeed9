package fastcgi_test

import (
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	rules "github.com/cgikit/cgikit/gateway/exchange"
)

// FuzzClientAnswer has an application that sends arbitrary bytes and closes. A response that the
// Client accepts as complete must be complete for the decoder of the tests too, and its connection
// must be released or closed.
func FuzzClientAnswer(f *testing.F) {
	head := "Status: 200 OK\r\n\r\n"
	for _, answer := range []string{
		"", whole(1, head+"body"), whole(1, "Content-Length: 4\r\n\r\nbody"), whole(1, "Content-Length: 3\r\n\r\nbody"),
		whole(2, head), end(1, 0, 2), end(1, 1, 0), whole(1, head) + "x", rec(typeStderr, 1, "log") + whole(1, head+"a"),
		padded(typeStdout, 1, head, "..") + rec(typeUnknownType, 0, "12345678") + end(1, 0, 0), stdout(1, head) + strings.Repeat("\xff", 8),
	} {
		f.Add([]byte(answer))
	}
	answers := make(chan []byte, 1)
	addr := sayer(f, answers)
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := &fastcgi.Client{Addr: addr, MaxIdleConns: 1}
		defer c.Close()
		answers <- answer
		_, got, err := exchange(c, requestOf("GET", nil))
		all, ended := readAnswer(string(answer))
		if err == nil && (!ended && !exceeds(all, len(got)) || !strings.Contains(all, got)) {
			t.Errorf("got %q for a whole body; of %q, whole: %t", got, all, ended)
		}
		if s := c.Stats(); s.Active != 0 {
			t.Errorf("got %+v; want no connection held", s)
		}
	})
}

// exceeds reports whether a response has more than its Content-Length, n bytes. Such a response is
// cut, and the rest is not checked.
func exceeds(all string, n int) bool {
	resp, err := gateway.ReadResponse(io.NopCloser(strings.NewReader(all)), 0)
	if err != nil {
		return false
	}
	body, err := io.ReadAll(resp.Body)
	declared := rules.DeclaredLength("GET", resp)
	return err == nil && declared == int64(n) && int64(len(body)) > declared
}

// sayer is an application that gives each connection one of answers, and closes it.
func sayer(f *testing.F, answers <-chan []byte) (addr string) {
	l, err := net.Listen("unix", filepath.Join(f.TempDir(), "s"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			nc.Write(<-answers)
			nc.(*net.UnixConn).CloseWrite()
			io.Copy(io.Discard, nc)
			nc.Close()
		}
	}()
	return "unix:" + l.Addr().String()
}

// readAnswer returns the STDOUT of request 1 and whether it was ended as complete.
func readAnswer(b string) (all string, ended bool) {
	for len(b) >= 8 && b[0] == 1 {
		size := int(binary.BigEndian.Uint16([]byte(b[4:])))
		next := 8 + size + int(b[6])
		content := b[8:min(8+size, len(b))] // of a record that is cut, what has come
		if id := binary.BigEndian.Uint16([]byte(b[2:])); id == 1 && b[1] == typeStdout {
			all += content
		} else if id == 1 && b[1] == typeEnd && next <= len(b) {
			return all, len(content) == 8 && content[4] == 0
		}
		b = b[min(next, len(b)):]
	}
	return all, false
}
