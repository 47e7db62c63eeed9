package load

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// records is a response of FastCGI.
func records(stdout string) string {
	b := wire.AppendRecord(nil, wire.TypeStdout, 1, []byte(stdout))
	b = wire.AppendRecord(b, wire.TypeStdout, 1, nil)
	return string(wire.AppendRecord(b, wire.TypeEndRequest, 1, make([]byte, 8)))
}

func ended(tail string) func() Answer {
	return func() Answer { return &closedAnswer{tail: []byte(tail)} }
}

func fastCGI() Answer  { return &Records{} }
func overHTTP() Answer { return &httpAnswer{} }

var answers = []struct {
	name, sent string
	answer     func() Answer
	whole      int // responses in sent
	err        string
}{
	{"records", records("hello"), fastCGI, 1, ""},
	{"two of records", records("hello") + records("again"), fastCGI, 2, ""},
	{"cut records", records("hello")[:20], fastCGI, 0, "the connection was closed before the response was whole"},
	{"broken records", "\xff\xff\xff\xff\xff\xff\xff\xff", fastCGI, 0, "the server broke the connection"},
	{"http", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", overHTTP, 1, ""},
	{"two of http", strings.Repeat("HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\nZ: y\r\n\r\nhello", 2), overHTTP, 2, ""},
	{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", overHTTP, 1, ""},
	{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5x\r\nhello\r\n", overHTTP, 0, `the server sent "5x\r\n"`},
	{"cut http", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", overHTTP, 0, "the connection was closed before the response was whole"},
	{"no length", "HTTP/1.1 200 OK\r\n\r\nhello", overHTTP, 0, "a response without its length"},
	{"no body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", overHTTP, 0, "a response without a body"},
	{"502", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nhello", overHTTP, 0, `the server sent "HTTP/1.1 502 Bad Gateway`},
	{"to the end", "Status: 200 OK\r\n\r\nhello\n", ended("\nhello\n"), 1, ""},
	{"to the end, long", strings.Repeat("x", 20_000) + "\nhello\n", ended("\nhello\n"), 1, ""},
	{"another end", "Status: 500\r\n\r\nsorry\n", ended("\nhello\n"), 0, `the server sent "Status: 500`},
}

// TestAnswers gives each answer its bytes at once where it takes one response, and one by one.
func TestAnswers(t *testing.T) {
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			check := func(pieces [][]byte) {
				t.Helper()
				a, whole := c.answer(), 0
				var err error
				for _, p := range pieces {
					if err = a.Take(p); err != nil {
						break
					}
					if _, closed := a.(*closedAnswer); !closed && a.Next() {
						whole++
					}
				}
				if err == nil && whole < max(c.whole, 1) {
					if err = a.End(); err == nil {
						whole++
					}
				}
				if whole != c.whole || (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
					t.Errorf("%d pieces: got %d responses, %v; want %d, %q", len(pieces), whole, err, c.whole, c.err)
				}
			}
			check(bytes.SplitAfter([]byte(c.sent), nil))
			if c.whole < 2 {
				check([][]byte{[]byte(c.sent)})
			}
		})
	}
}
