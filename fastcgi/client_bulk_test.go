package fastcgi_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
)

// TestClientBulk: a large response comes through unchanged, whatever the sizes of its records and
// of the reads. The client reads the rest of a record and what follows it by one call.
func TestClientBulk(t *testing.T) {
	text := make([]byte, 3<<20)
	for i := range text {
		text[i] = byte(i>>10) ^ byte(i)
	}
	serve := func(a appConn) { a.serveBulk(string(text)) }
	for name, c := range map[string]*fastcgi.Client{
		"unix": applicationOn(t, "unix", serve), "tcp": applicationOn(t, "tcp", serve), "shared": multiplexing(t, serve),
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(6) {
				readBulk(t, c, seed, text)
			}
		})
	}
}

// serveBulk answers with text in records of various sizes, with and without padding and with
// STDERR among them, and sends several records at once.
func (a appConn) serveBulk(text string) {
	for {
		call, err := a.request()
		if err != nil {
			return
		}
		random := rand.New(rand.NewPCG(1, uint64(call.id)))
		a.say(stdout(call.id, "A: b\r\n\r\n"))
		for rest := text; rest != ""; {
			var together strings.Builder
			for range 1 + random.IntN(5) {
				n := min(len(rest), 1+random.IntN(1<<(1+random.IntN(16)))%65535)
				if n > 0 {
					together.WriteString(padded(typeStdout, call.id, rest[:n], strings.Repeat("p", random.IntN(256))))
				}
				if rest = rest[n:]; random.IntN(8) == 0 {
					together.WriteString(padded(typeStderr, call.id, "error", "p"))
				}
			}
			if a.say(together.String()) != nil {
				return
			}
		}
		a.say(end(call.id, 0, 0))
	}
}

// readBulk reads a response by reads of various sizes, and compares it with text.
func readBulk(t *testing.T, c *fastcgi.Client, seed uint64, text []byte) {
	t.Helper()
	r := requestOf("GET", nil)
	r.Stderr = io.Discard
	resp, err := c.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	random, at, p := rand.New(rand.NewPCG(2, seed)), 0, make([]byte, 256<<10)
	for {
		n, err := resp.Body.Read(p[:1+random.IntN(1<<(1+random.IntN(18)))])
		if !bytes.Equal(p[:n], text[at:at+n]) {
			t.Fatalf("seed %d: other bytes from %d on", seed, at)
		}
		if at += n; err == io.EOF && at == len(text) {
			return
		}
		if err != nil {
			t.Fatalf("seed %d: %v after %d bytes", seed, err, at)
		}
	}
}

// TestClientReadsEndWithBody: the last bytes of a body without a length come with io.EOF if the end
// of the request has arrived with them, so that a gateway sends both by one write.
func TestClientReadsEndWithBody(t *testing.T) {
	text := strings.Repeat("x", 3000) // with the head, more than the head is read by
	c := application(t, func(a appConn) {
		for {
			call, err := a.request()
			if err != nil {
				return
			}
			a.say(stdout(call.id, call.param("HTTP_HEAD")+"A: b\r\n\r\n"+text) + padded(typeStderr, call.id, "", "pp") +
				padded(typeStdout, call.id, "", "padding") + end(call.id, 7, 0))
		}
	})
	for _, test := range []struct {
		head    string
		withEnd bool
	}{{"", true}, {"Content-Length: 3000\r\n", false}, {"", true}} {
		r := requestOf("GET", nil)
		r.Environ.Set("HTTP_HEAD", test.head)
		resp, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		got, withEnd, p := 0, false, make([]byte, 8<<10)
		for err == nil {
			var n int
			n, err = resp.Body.Read(p)
			got, withEnd = got+n, n > 0
		}
		if got != len(text) || err != io.EOF || withEnd != test.withEnd || resp.ExitStatus != 7 {
			t.Errorf("head %q: got %d bytes, %v, with the last: %v, status %d", test.head, got, err, withEnd, resp.ExitStatus)
		}
		resp.Body.Close()
	}
}
