package cgi

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/gateway"
)

// chunkedReader decodes a body that ends with err.
func chunkedReader(body string, err error) io.Reader {
	in := io.MultiReader(strings.NewReader(body), iotest.ErrReader(err))
	return newChunked(&closer{in})
}

type closer struct{ io.Reader }

func (closer) Close() error { return nil }

func (closer) finish() error { return io.EOF }

// TestChunked: RFC 9112 section 7.1.
func TestChunked(t *testing.T) {
	long := strings.Repeat("x", maxChunkLine)
	for _, test := range []struct {
		name, body, want string
		bad              bool
	}{
		{name: "empty", body: "0\r\n\r\n"},
		{name: "two chunks", body: "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", want: "hello world"},
		{name: "LF alone", body: "5\nhello\n0\n\n", want: "hello"},
		{name: "hex", body: "0A\r\n0123456789\r\n0\r\n\r\n", want: "0123456789"},
		{name: "extension", body: "5;a=b\r\nhello\r\n0;c\r\n\r\n", want: "hello"},
		{name: "space", body: "5 \r\nhello\r\n0\r\n\r\n", want: "hello"},
		{name: "trailer", body: "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", want: "hello"},
		{name: "line ends within", body: "7\r\na\r\nb\r\n \r\n0\r\n\r\n", want: "a\r\nb\r\n "},
		{name: "more behind the end", body: "5\r\nhello\r\n0\r\n\r\nmore", want: "hello"},
		{name: "nothing", bad: true},
		{name: "no last chunk", body: "5\r\nhello\r\n", want: "hello", bad: true},
		{name: "cut in a chunk", body: "5\r\nhel", want: "hel", bad: true},
		{name: "cut in a size", body: "5", bad: true},
		{name: "cut behind the last chunk", body: "5\r\nhello\r\n0\r\n", want: "hello", bad: true},
		{name: "no size", body: "\r\nhello\r\n0\r\n\r\n", bad: true},
		{name: "not hex", body: "x\r\nhello\r\n0\r\n\r\n", bad: true},
		{name: "sign", body: "+5\r\nhello\r\n0\r\n\r\n", bad: true},
		{name: "overflow", body: "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", bad: true},
		{name: "longer than its size", body: "4\r\nhello\r\n0\r\n\r\n", want: "hell", bad: true},
		{name: "endless size", body: "5;" + long, bad: true},
		{name: "endless trailer", body: "0\r\n" + strings.Repeat("X: 1\r\n", maxChunkLine/4+1) + "\r\n", bad: true},
	} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"whole":    func(r io.Reader) io.Reader { return r },
			"by bytes": iotest.OneByteReader,
		} {
			t.Run(test.name+" "+name, func(t *testing.T) {
				got, err := io.ReadAll(chunkedFrom(wrap, test.body))
				var bad *gateway.BackendError
				if string(got) != test.want || errors.As(err, &bad) != test.bad || !test.bad && err != nil {
					t.Errorf("got %q, %v; want %q, bad %t", got, err, test.want, test.bad)
				}
			})
		}
	}
}

func chunkedFrom(wrap func(io.Reader) io.Reader, body string) io.Reader {
	return newChunked(&closer{wrap(strings.NewReader(body))})
}

// TestChunkedVerdict: an error from the end of the script is returned, at whatever position it
// occurs.
func TestChunkedVerdict(t *testing.T) {
	broken := &gateway.BackendError{Status: 504, Reason: "the script took too long"}
	for _, body := range []string{"", "5", "5\r\n", "5\r\nhel", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n"} {
		r := chunkedReader(body, broken)
		if _, err := io.ReadAll(r); err != error(broken) {
			t.Errorf("after %q: got %v; want the script's", body, err)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != error(broken) {
			t.Errorf("after %q and an error: got %d, %v; want the error again", body, n, err)
		}
	}
	if n, err := chunkedReader("", broken).Read(nil); n != 0 || err != nil {
		t.Errorf("into nothing: got %d, %v; want 0, nil", n, err)
	}
}

// FuzzChunked: decoding neither panics nor gives more than came in, and does not depend on how it
// comes in.
func FuzzChunked(f *testing.F) {
	f.Add("5\r\nhello\r\n0\r\n\r\n")
	f.Add("5;x\r\nhello\r\n0\r\nA: b\r\n\r\n")
	f.Add("ffffffffffffffff\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		whole, wholeErr := io.ReadAll(chunkedFrom(func(r io.Reader) io.Reader { return r }, body))
		bytes, bytesErr := io.ReadAll(chunkedFrom(iotest.OneByteReader, body))
		if string(whole) != string(bytes) || (wholeErr == nil) != (bytesErr == nil) || len(whole) > len(body) {
			t.Errorf("got %q, %v at once and %q, %v by bytes", whole, wholeErr, bytes, bytesErr)
		}
	})
}
