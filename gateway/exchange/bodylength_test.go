package exchange_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

func TestBodyLength(t *testing.T) {
	for _, c := range []struct {
		name     string
		declared string
		stdin    io.Reader
		length   int64
		want     int64
		refused  bool
	}{
		{name: "nothing"},
		{name: "no body", stdin: gateway.NoBody},
		{name: "declared", declared: "5", stdin: stream("hello"), want: 5},
		{name: "declared as none", declared: "0", stdin: stream(""), want: 0},
		{name: "declared as none without a reader", declared: "0"},
		{name: "declared beside another length", declared: "5", stdin: stream("hello"), length: 3, want: 5},
		{name: "known to the transport", stdin: stream("hello"), length: 5, want: 5},
		{name: "unknown to the transport", stdin: stream("hello"), length: -1, want: exchange.UnknownLength},
		{name: "left out", stdin: stream("hello"), want: exchange.UnknownLength},
		{name: "bytes.Buffer", stdin: bytes.NewBufferString("hello"), want: 5},
		{name: "bytes.Reader", stdin: bytes.NewReader([]byte("hello")), want: 5},
		{name: "strings.Reader", stdin: strings.NewReader("hello"), want: 5},
		{name: "unknown in memory", stdin: strings.NewReader("hello"), length: -1, want: 5},
		{name: "sign", declared: "+5", stdin: stream("hello"), refused: true},
		{name: "64 bits", declared: "9223372036854775808", stdin: stream("hello"), refused: true},
		{name: "no reader", declared: "5", refused: true},
		{name: "NoBody", declared: "5", stdin: gateway.NoBody, refused: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &gateway.Request{Environ: util.NewEnviron(), Stdin: c.stdin, ContentLength: c.length}
			if c.declared != "" {
				r.Environ.Set("CONTENT_LENGTH", c.declared)
			}
			got, err := exchange.BodyLength(r)
			if refused := errors.As(err, new(*gateway.RequestError)); got != c.want || refused != c.refused || refused != (err != nil) {
				t.Errorf("got %d, %v; want %d, refused %t", got, err, c.want, c.refused)
			}
		})
	}
}

// stream is a reader whose length is unknown.
func stream(s string) io.Reader { return iotest.OneByteReader(strings.NewReader(s)) }

func TestKnownLength(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name  string
		stdin io.Reader
		want  error
	}{
		{"empty stream", stream(""), nil},
		{"body", stream("hello"), gateway.ErrLengthRequired},
		{"failure", iotest.ErrReader(broken), broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := exchange.KnownLength(&gateway.Request{Environ: util.NewEnviron(), Stdin: c.stdin})
			if n != 0 || !errors.Is(err, c.want) {
				t.Errorf("got %d, %v; want 0, %v", n, err, c.want)
			}
		})
	}
}
