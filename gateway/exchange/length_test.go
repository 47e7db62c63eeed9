package exchange_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

func TestDeclaredLength(t *testing.T) {
	for _, test := range []struct {
		method, status, length string
		want                   int64
	}{
		{"GET", "200 OK", "12", 12},
		{"GET", "", "0", 0},
		{"POST", "404 Not Found", "9223372036854775807", 9223372036854775807},
		{"GET", "200 OK", "", -1},
		{"HEAD", "200 OK", "12", -1},
		{"GET", "204 No Content", "12", -1},
		{"GET", "205 Reset Content", "12", -1},
		{"GET", "304 ", "12", -1},
		{"GET", "200 OK", "+12", -1},
		{"GET", "200 OK", "12, 12", -1},
		{"GET", "200 OK", "9223372036854775808", -1},
	} {
		r := &gateway.Response{Status: test.status, Headers: headers.New()}
		if test.length != "" {
			r.Headers.Add("Content-Length", test.length)
		}
		if got := exchange.DeclaredLength(test.method, r); got != test.want {
			t.Errorf("%+v: got %d", test, got)
		}
		r.Headers.Add("X-Sendfile", "/srv/file")
		if got := exchange.DeclaredLength(test.method, r); got != exchange.UnknownLength {
			t.Errorf("%+v with X-Sendfile: got %d", test, got)
		}
	}
}

// declared returns the DeclaredBody of a response with the given head and stream, and the log of
// its warnings.
func declared(t *testing.T, method, head string, body io.Reader) (exchange.DeclaredBody, *strings.Builder) {
	t.Helper()
	resp, err := gateway.ReadResponse(io.NopCloser(io.MultiReader(strings.NewReader(head+"\n"), body)), 0)
	if err != nil {
		t.Fatal(err)
	}
	log := new(strings.Builder)
	e := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": method, "REQUEST_URI": "/x"})
	return exchange.NewDeclaredBody(&gateway.Request{Environ: e, Stderr: log}, resp), log
}

func TestDeclaredBody(t *testing.T) {
	broken := &gateway.BackendError{Status: 502, Reason: "broke off"}
	for _, c := range []struct {
		name, method, head, body string
		end                      error // of the stream
		want                     string
		wantErr                  error
		excess                   bool
	}{
		{name: "all of it", method: "GET", head: "Content-Length: 3\n", body: "abc", end: io.EOF, want: "abc"},
		{name: "more", method: "GET", head: "Content-Length: 3\n", body: "abcd", end: io.EOF, want: "abc", excess: true},
		{name: "more than nothing", method: "POST", head: "Content-Length: 0\n", body: "d", end: io.EOF, excess: true},
		{name: "less", method: "GET", head: "Content-Length: 3\n", body: "ab", end: io.EOF, want: "ab", wantErr: io.ErrUnexpectedEOF},
		{name: "broken", method: "GET", head: "Content-Length: 3\n", body: "ab", end: broken, want: "ab", wantErr: broken},
		{name: "broken after all", method: "GET", head: "Content-Length: 3\n", body: "abc", end: broken, want: "abc"},
		{name: "unknown", method: "GET", head: "A: b\n", body: "abc", end: io.EOF, want: "abc"},
		{name: "unknown and broken", method: "GET", head: "A: b\n", body: "abc", end: broken, want: "abc", wantErr: broken},
		{name: "HEAD", method: "HEAD", head: "Content-Length: 3\n", body: "abcd", end: io.EOF, want: "abcd"},
	} {
		for _, split := range []struct {
			name string
			read func(io.Reader) io.Reader
		}{{"at once", func(r io.Reader) io.Reader { return r }}, {"by bytes", iotest.OneByteReader}, {"error beside data", iotest.DataErrReader}} {
			t.Run(c.name+" "+split.name, func(t *testing.T) {
				stream := split.read(io.MultiReader(strings.NewReader(c.body), iotest.ErrReader(c.end)))
				body, log := declared(t, c.method, c.head, stream)
				got, err := io.ReadAll(&body)
				if body.Complete() {
					body.Finish(make([]byte, 10))
				}
				if string(got) != c.want || !errors.Is(err, c.wantErr) {
					t.Errorf("got %q, %v; want %q, %v", got, err, c.want, c.wantErr)
				}
				if lines := strings.Count(log.String(), "\n"); body.Excess() != c.excess || lines != map[bool]int{true: 1}[c.excess] {
					t.Errorf("got excess %v, log %q; want %v and a line if it is true", body.Excess(), log, c.excess)
				}
			})
		}
	}
}

// TestDeclaredBodyFinish: the end of the stream tells whether the exchange is complete, and the
// body's last byte does not wait for it.
func TestDeclaredBodyFinish(t *testing.T) {
	broken := errors.New("broke off")
	for _, c := range []struct {
		name, rest string
		end, want  error
	}{
		{"whole", "", io.EOF, io.EOF},
		{"broken", "", broken, broken},
		{"more than declared", "d", broken, io.EOF},
	} {
		body, _ := declared(t, "GET", "Content-Length: 3\n", io.MultiReader(strings.NewReader("abc"+c.rest), iotest.ErrReader(c.end)))
		if got, err := io.ReadAll(&body); string(got) != "abc" || err != nil || !body.Complete() {
			t.Fatalf("%s: got %q, %v", c.name, got, err)
		}
		if err := body.Finish(make([]byte, 1)); err != c.want {
			t.Errorf("%s: got %v; want %v", c.name, err, c.want)
		}
	}
}

// TestDeclaredBodyWarnsOnce: a second DeclaredBody around the first does not warn again.
// host.Transport and gateway.Forward are such readers.
func TestDeclaredBodyWarnsOnce(t *testing.T) {
	inner, log := declared(t, "GET", "Content-Length: 3\n", strings.NewReader("abcd"))
	r := &gateway.Request{Environ: util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET"}), Stderr: log}
	resp := &gateway.Response{Headers: headers.New(headers.Field{Name: "Content-Length", Value: "3"}), Body: &inner}
	outer := exchange.NewDeclaredBody(r, resp)
	if n := outer.Buffered(); n > 3 {
		t.Errorf("%d bytes are buffered of 3", n)
	}
	if got, err := io.ReadAll(&outer); string(got) != "abc" || err != nil || outer.Excess() || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("got %q, %v, excess %v, log %q", got, err, outer.Excess(), log)
	}
}
