package trace

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }

// part is what one side sends in a test.
type part struct {
	d    Direction
	data []byte
}

func begin(id uint16, flags bool) part {
	return part{ToApp, wire.AppendBeginRequest(nil, id, wire.BeginRequest{Role: wire.RoleResponder, KeepConn: flags})}
}

func record(d Direction, t wire.RecordType, id uint16, content string) part {
	return part{d, wire.AppendPadded(nil, t, id, []byte(content), 3)}
}

func params(id uint16, pairs ...string) part {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = wire.AppendPair(b, pairs[i], pairs[i+1])
	}
	return record(ToApp, wire.TypeParams, id, string(b))
}

func end(id uint16, s wire.ProtocolStatus) part {
	return part{ToServer, wire.AppendEndRequest(nil, id, wire.EndRequest{AppStatus: 7, ProtocolStatus: s})}
}

// wholeExchange is a regular request and response.
func wholeExchange() []part {
	return []part{
		begin(1, true),
		params(1, "REQUEST_METHOD", "POST", "REQUEST_URI", "/x.php?a=1", "CONTENT_LENGTH", "5"),
		record(ToApp, wire.TypeParams, 1, ""),
		record(ToApp, wire.TypeStdin, 1, "hello"),
		record(ToApp, wire.TypeStdin, 1, ""),
		record(ToServer, wire.TypeStderr, 1, "PHP Warning: x\n"),
		record(ToServer, wire.TypeStdout, 1, "Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nbody"),
		record(ToServer, wire.TypeStdout, 1, ""),
		end(1, wire.RequestComplete),
	}
}

// printed is what a Printer writes of the parts, each fed in pieces of the given size.
func printed(p *Printer, piece int, parts ...part) string {
	var b strings.Builder
	p.W = &b
	d := newFastCGI(1, p)
	for i, part := range parts {
		for data := part.data; len(data) > 0; {
			n := min(piece, len(data))
			d.feed(part.d, data[:n], time.Duration(i)*time.Millisecond)
			data = data[n:]
		}
	}
	d.close(ToServer, nil, time.Second)
	return b.String()
}

// TestLines: the lines do not depend on how the bytes were split.
func TestLines(t *testing.T) {
	const want = `   0.000  #1 > BEGIN_REQUEST id=1 8 B  responder keep
   0.001  #1 > PARAMS id=1 60 B  POST /x.php?a=1  3 variables
   0.002  #1 > PARAMS id=1 0 B
   0.003  #1 > STDIN id=1 5 B
   0.004  #1 > STDIN id=1 0 B
   0.005  #1 < STDERR id=1 15 B  PHP Warning: x
   0.006  #1 < STDOUT id=1 55 B  Status: 404 Not Found
   0.007  #1 < STDOUT id=1 0 B
   0.008  #1 < END_REQUEST id=1 8 B  appStatus 7, REQUEST_COMPLETE
   1.000  #1 < closed
`
	for _, piece := range []int{1, 7, 8, 1 << 20} {
		p := &Printer{Lint: true}
		if got := printed(p, piece, wholeExchange()...); got != want {
			t.Errorf("in pieces of %d bytes got\n%swant\n%s", piece, got, want)
		}
		if p.Seen != 1 || p.Broken != 0 {
			t.Errorf("got %d exchanges and %d broken rules; want 1 and none", p.Seen, p.Broken)
		}
	}
}

// TestLint: each rule is named at the record that breaks it, and at no other.
func TestLint(t *testing.T) {
	ok := wholeExchange()
	without := func(i int) []part { return append(append([]part{}, ok[:i]...), ok[i+1:]...) }
	with := func(i int, p part) []part { return append(append(append([]part{}, ok[:i]...), p), ok[i:]...) }
	tests := []struct {
		id    string
		parts []part
	}{
		{"F1", []part{{ToApp, []byte("GET / HTTP/1.1\r\n\r\n")}}},
		{"F4", with(1, record(ToApp, wire.TypeStdin, 0, "x"))},
		{"F7", with(5, record(ToApp, wire.TypeStdin, 1, "more"))},
		{"F8", []part{record(ToApp, wire.TypeGetValues, 0, "\x09")}},
		{"F9", []part{begin(1, false), record(ToApp, wire.TypeParams, 1, "\x7f\x01A"), record(ToApp, wire.TypeParams, 1, "")}},
		{"F21", with(1, begin(1, true))},
		{"F22", with(2, record(ToServer, wire.TypeStdout, 1, "early"))},
		{"F24", without(7)},
		{"F26", without(3)},
		{"F28", with(7, record(ToServer, wire.TypeStdout, 1, ""))[:8:8]},
		{"F38", []part{record(ToServer, wire.TypeStdout, 9, "x")}},
		{"F40", ok[:8]},
	}
	tests[9].parts = append(tests[9].parts, record(ToServer, wire.TypeStdout, 1, "late"))
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			got := printed(&Printer{Lint: true}, 1<<20, tt.parts...)
			if !strings.Contains(got, "  "+tt.id+": ") {
				t.Errorf("%s is not named in\n%s", tt.id, got)
			}
			if quiet := printed(&Printer{}, 1<<20, tt.parts...); strings.Contains(quiet, tt.id+": ") {
				t.Errorf("%s is named without --lint", tt.id)
			}
		})
	}
}

func TestExchanges(t *testing.T) {
	p := &Printer{Exchanges: true}
	want := "   0.000  #1  POST /x.php?a=1  404 Not Found  6.0 ms to head, 8.0 ms  sent 5 B, got 55 B  appStatus 7  stderr 15 B\n"
	if got := printed(p, 3, wholeExchange()...); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got := printed(&Printer{Exchanges: true, Slow: 9 * time.Millisecond}, 3, wholeExchange()...); got != "" {
		t.Errorf("got %q for an exchange that is faster than --slow", got)
	}
	if got := printed(&Printer{Exchanges: true}, 3, wholeExchange()[:7]...); !strings.Contains(got, "404 Not Found cut off") {
		t.Errorf("got %q; want cut off", got)
	}
}

func TestContents(t *testing.T) {
	got := printed(&Printer{Only: []string{"stdin"}, Body: 2}, 100, wholeExchange()...)
	if !strings.Contains(got, "| he\n          | (the first 2 of 5 B)\n") || strings.Contains(got, "PARAMS") {
		t.Errorf("got\n%s", got)
	}
	if got := printed(&Printer{Only: []string{"stdin"}, Body: 16, Hex: true}, 100, wholeExchange()...); !strings.Contains(got, "68 65 6c 6c 6f") {
		t.Errorf("got\n%s", got)
	}
	if got := printed(&Printer{Only: []string{"errors"}}, 100, wholeExchange()...); got != "" {
		t.Errorf("errors of a good exchange: got\n%s", got)
	}
	json := printed(&Printer{JSON: true, Only: []string{"stdin"}, Body: 2}, 100, wholeExchange()...)
	if !strings.HasPrefix(json, `{"at":0.003,"conn":1,"direction":"app","kind":"STDIN","id":1,"length":5,"content":"he","truncated":true}`) {
		t.Errorf("got %s", json)
	}
}

// TestBounds: what a peer sends makes nothing grow without end.
func TestBounds(t *testing.T) {
	d := newFastCGI(1, sinkFunc(func(*Event) {}))
	for id := range uint16(2 * maxRequests) {
		d.feed(ToApp, begin(id+1, true).data, 0)
	}
	if len(d.requests) > maxRequests {
		t.Errorf("got %d requests; want at most %d", len(d.requests), maxRequests)
	}
	piece := record(ToApp, wire.TypeParams, 1, "\xff\xff\xff\xff"+strings.Repeat("x", 60000)).data
	for range 20 {
		d.feed(ToApp, piece, 0)
	}
	if n := len(d.requests[1].params); n > maxParams {
		t.Errorf("got %d bytes of variables; want at most %d", n, maxParams)
	}
	for range 20 {
		d.feed(ToServer, record(ToServer, wire.TypeStdout, 2, strings.Repeat("x", 60000)).data, 0)
	}
	if n := len(d.requests[2].head); n > maxHead {
		t.Errorf("got %d bytes of a head; want at most %d", n, maxHead)
	}
}

type sinkFunc func(*Event)

func (f sinkFunc) Event(e *Event) { f(e) }

func FuzzFastCGI(f *testing.F) {
	for _, p := range wholeExchange() {
		f.Add(p.d == ToApp, p.data)
	}
	f.Fuzz(func(t *testing.T, toApp bool, data []byte) {
		d := ToServer
		if toApp {
			d = ToApp
		}
		whole, byByte := printed(&Printer{Lint: true}, 1<<20, begin(1, false), part{d, data}), printed(&Printer{Lint: true}, 1, begin(1, false), part{d, data})
		if whole != byByte {
			t.Errorf("split by bytes:\n%.2000swhole:\n%.2000s", byByte, whole)
		}
	})
}

func Example() {
	d := newFastCGI(1, &Printer{W: os.Stdout})
	d.feed(ToApp, wire.AppendBeginRequest(nil, 1, wire.BeginRequest{Role: wire.RoleResponder}), 0)
	fmt.Println("open requests:", len(d.requests))
	// Output:
	//    0.000  #1 > BEGIN_REQUEST id=1 8 B  responder
	// open requests: 1
}

// TestSecrets: a cookie and a password are shown in no form, unless that is asked for.
func TestSecrets(t *testing.T) {
	parts := []part{
		begin(1, false),
		params(1, "REQUEST_METHOD", "GET", "HTTP_COOKIE", "id=hidden", "PHP_AUTH_PW", "hidden"),
		record(ToApp, wire.TypeParams, 1, ""),
		record(ToServer, wire.TypeStdout, 1, "Set-Cookie: id=hidden\r\nContent-Type: text/plain\r\n\r\nbody"),
	}
	for _, p := range []Printer{{Body: 500}, {Body: 500, Hex: true}, {Body: 500, JSON: true}, {Variables: true}, {Body: 500, Variables: true}, {Variables: true, JSON: true}} {
		plain := p
		got := printed(&p, 100, parts...)
		if strings.Contains(got, "hidden") || strings.Contains(got, "68 69 64 64 65 6e") {
			t.Errorf("%+v: a secret is shown:\n%s", plain, got)
		}
		if !strings.Contains(got, "STDOUT") {
			t.Errorf("%+v: nothing is shown", plain)
		}
	}
	if got := printed(&Printer{Variables: true}, 100, parts...); !strings.Contains(got, "| HTTP_COOKIE=***\n") || !strings.Contains(got, "| REQUEST_METHOD=GET\n") {
		t.Errorf("variables: got\n%s", got)
	}
	if got := printed(&Printer{Variables: true, Secrets: true}, 100, parts...); !strings.Contains(got, "| HTTP_COOKIE=id=hidden\n") {
		t.Errorf("with secrets: got\n%s", got)
	}
}
