package load

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// record appends to what a FastCGI server sends.
func record(t wire.RecordType, id uint16, content string) string {
	return string(wire.AppendPadded(nil, t, id, []byte(content), len(content)%3))
}

func end(id uint16, status int, protocol wire.ProtocolStatus) string {
	return string(wire.AppendEndRequest(nil, id, wire.EndRequest{AppStatus: uint32(status), ProtocolStatus: protocol}))
}

// response is a whole one of FastCGI.
func response(id uint16, text string) string {
	return record(wire.TypeStdout, id, text) + record(wire.TypeStdout, id, "") + end(id, 0, wire.RequestComplete)
}

const (
	okHead   = "Content-Type: text/plain\r\n\r\n"
	httpHead = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
)

var decoders = map[string]func() Decoder{
	"fastcgi":  func() Decoder { return NewFastCGI(2) },
	"head":     func() Decoder { return NewFastCGIHead(1) },
	"closed":   func() Decoder { return new(Closed) },
	"tail":     func() Decoder { return &Closed{Tail: []byte("hello\n")} },
	"http":     func() Decoder { return new(HTTP) },
	"httphead": func() Decoder { return &HTTP{NoBody: true} },
}

// streams are what is received: each answer as "stream status size", and each error.
var decoded = []struct{ name, decoder, sent, want string }{
	{"record", "fastcgi", response(1, okHead+"hello"), "0 200 5;"},
	{"two in turn", "fastcgi", response(1, okHead+"hello") + response(1, okHead+"again"), "0 200 5;0 200 5;"},
	{"two streams", "fastcgi", record(6, 1, okHead) + response(2, "Status: 404 Not Found\n\nno") + record(6, 1, "ab") + end(1, 0, 0), "1 404 2;0 200 2;"},
	{"redirect", "fastcgi", response(1, "Location: /x\n\n"), "0 302 0;"},
	{"stderr", "fastcgi", record(7, 1, "oops") + response(1, okHead), "0 200 0;"},
	{"management", "fastcgi", record(10, 0, "x") + response(1, okHead), "0 200 0;"},
	{"app status", "fastcgi", record(6, 1, okHead) + end(1, 3, 0), "0 200 0 app 3;"},
	{"refused", "fastcgi", end(1, 0, wire.Overloaded), "0 refused: FCGI_OVERLOADED;"},
	{"empty", "fastcgi", end(1, 0, 0), "0 no valid head;"},
	{"no head", "fastcgi", response(1, "hello there"), "0 no valid head;"},
	{"bad head", "fastcgi", response(1, "<html>\n\n"), "error no valid head"},
	{"bad status", "fastcgi", response(1, "Status: lots\n\n"), "error no valid head"},
	{"short body", "fastcgi", response(1, "Content-Length: 9\n\nhello"), "0 body shorter than its Content-Length;"},
	{"long body", "fastcgi", response(1, "Content-Length: 2\n\nhello"), "0 body longer than its Content-Length;"},
	{"a HEAD's", "head", response(1, "Content-Length: 9\n\n"), "0 200 0;"},
	{"not modified", "fastcgi", response(1, "Status: 304 Not Modified\nContent-Length: 9\n\n"), "0 304 0;"},
	{"cut", "fastcgi", response(1, okHead+"hello")[:20], "error answer cut off"},
	{"cut between records", "fastcgi", record(6, 1, okHead), "error answer cut off"},
	{"another version", "fastcgi", "\xff\xff\xff\xff\xff\xff\xff\xff", "error not FastCGI"},
	{"http over fastcgi", "fastcgi", httpHead, "error not FastCGI"},
	{"unknown id", "fastcgi", response(9, okHead), "error bytes that no request asked for"},

	{"to the end", "closed", "Status: 200 OK\r\n\r\nhello\n", "0 200 6;"},
	{"to the end, status line", "closed", "HTTP/1.1 503 Busy\r\n\r\n", "0 503 0;"},
	{"to the end, short", "closed", "Content-Length: 9\r\n\r\nhello\n", "error body shorter than its Content-Length"},
	{"to the end, empty", "closed", "", "error closed without an answer"},
	{"to the end, mixed line ends", "closed", "X: y\n\r\nhello\n\n", "0 200 7;"},
	{"to the end, a line without a colon", "closed", "X: y\nhello\n\n", "error no valid head"},
	{"to the end, no head", "closed", "hello", "error no valid head"},
	{"tail", "tail", okHead + strings.Repeat("x", 20_000) + "hello\n", "0 200 20006;"},
	{"no tail", "tail", okHead + "hello", "error answer cut off"},

	{"http", "http", httpHead + "hello", "0 200 5;"},
	{"http, two", "http", httpHead + "hello" + httpHead + "again", "0 200 5;0 200 5;"},
	{"http, chunks", "http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n" + httpHead + "hello", "0 200 15;0 200 5;"},
	{"http, wrong chunk", "http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5x\r\nhello\r\n", "error wrong chunk"},
	{"http, wrong length", "http", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "error no valid head"},
	{"http, cut", "http", httpHead + "hell", "error body shorter than its Content-Length"},
	{"http, cut head", "http", httpHead[:20], "error answer cut off"},
	{"http, to the end", "http", "HTTP/1.1 200 OK\r\n\r\nhello", "0 200 5 close;"},
	{"http, close", "http", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "0 200 5 close;"},
	{"http, old", "http", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "0 200 5 close;"},
	{"http, no content", "http", "HTTP/1.1 204 No Content\r\n\r\n" + httpHead + "hello", "0 204 0;0 200 5;"},
	{"http, continue", "http", "HTTP/1.1 100 Continue\r\n\r\n" + httpHead + "hello", "0 200 5;"},
	{"http, 502", "http", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "0 502 0;"},
	{"http, a HEAD's", "httphead", httpHead + httpHead, "0 200 0;0 200 0;"},
	{"not http", "http", "\x01\x06\x00\x01", "error not HTTP"},
}

// received notes what a decoder reports. A request is under way on each stream.
type received struct{ text string }

func (r *received) ReceiveFirst(int) bool { return true }

func (r *received) ReceiveAnswer(i int, a Answer) {
	r.text += fmt.Sprint(i, " ", a.Status, " ", a.Size)
	if a.AppStatus != 0 {
		r.text += fmt.Sprint(" app ", a.AppStatus)
	}
	if a.Close && !strings.HasPrefix(r.text, "closed") {
		r.text += " close"
	}
	r.text += ";"
}

func (r *received) ReceiveError(i int, kind string) { r.text += fmt.Sprint(i, " ", kind, ";") }

// decode returns what a decoder makes of the pieces and the end of the connection.
func decode(d Decoder, pieces []string) string {
	r := new(received)
	d.Reset()
	for _, p := range pieces {
		if err := d.Decode([]byte(p), r); err != nil {
			return r.text + "error " + kindOf(err)
		}
	}
	if err := d.Finish(r); err != nil {
		return r.text + "error " + kindOf(err)
	}
	return r.text
}

// TestDecoders gives each decoder the bytes at once, one by one and in two pieces, and the same
// decoder all of these one after the other.
func TestDecoders(t *testing.T) {
	for _, c := range decoded {
		t.Run(c.name, func(t *testing.T) {
			d := decoders[c.decoder]()
			want := c.want
			ways := [][]string{{c.sent}, strings.Split(c.sent, "")}
			for i := range len(c.sent) {
				ways = append(ways, []string{c.sent[:i], c.sent[i:]})
				if i > 300 {
					break
				}
			}
			for _, pieces := range ways {
				if got := strings.ReplaceAll(decode(d, nonEmpty(pieces)), " close", ""); got != strings.ReplaceAll(want, " close", "") {
					t.Fatalf("%d pieces, the first %d bytes: got %.200q; want %q", len(pieces), len(pieces[0]), got, want)
				}
			}
			if got := decode(d, []string{c.sent}); c.decoder == "http" && got != want {
				t.Errorf("got %.200q; want %q", got, want)
			}
		})
	}
}

func nonEmpty(pieces []string) (all []string) {
	for _, p := range pieces {
		if p != "" {
			all = append(all, p)
		}
	}
	return all
}

// TestHeadIsBounded: a head without an end does not grow for ever.
func TestHeadIsBounded(t *testing.T) {
	d, r := new(HTTP), new(received)
	var err error
	for sent := 0; err == nil && sent < 2*mostHead; sent += 1024 {
		err = d.Decode([]byte("HTTP/1.1 200 OK"+strings.Repeat("x", 1009)), r)
	}
	if err == nil || kindOf(err) != KindHead {
		t.Errorf("got %v after %d bytes", err, 2*mostHead)
	}
}

func FuzzDecoders(f *testing.F) {
	for _, c := range decoded {
		f.Add([]byte(c.sent))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		for name, of := range decoders {
			whole := decode(of(), []string{string(sent)})
			if parts := decode(of(), strings.Split(string(sent), "")); parts != whole && !strings.Contains(whole, "error") && !strings.Contains(parts, "error") {
				t.Errorf("%s: %.200q at once and %.200q byte by byte", name, whole, parts)
			}
		}
	})
}
