package scgi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/vectors"
	"github.com/cgikit/cgikit/util"
)

// requests are the vectors of SCGI: bytes as they come over a connection, and what describe says of them.
const requests = "../testdata/scgi"

var testLimits = (&Server{}).limits()

// plainSource is a source that does not keep.
type plainSource struct{ io.Reader }

func (plainSource) keeps() bool                { return false }
func (plainSource) Peek(p []byte) (int, error) { panic("peek at a source that does not keep") }

// keepingSource keeps, and gives at most step bytes at a time.
type keepingSource struct {
	rest []byte
	step int
}

func (s *keepingSource) keeps() bool { return true }

func (s *keepingSource) Peek(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	return copy(p, s.rest[:min(s.step, len(s.rest))]), nil
}

func (s *keepingSource) Read(p []byte) (int, error) {
	n, err := s.Peek(p)
	s.rest = s.rest[n:]
	return n, err
}

func inputOf(src source) *input { return &input{src: src, buf: make([]byte, 64)} }

// describe reads a request and says what it was, in the words of a vector.
func describe(in *input) string {
	e, err := in.readHead(testLimits)
	if err != nil {
		return "error: " + err.Error()
	}
	var b strings.Builder
	for name, value := range e.All() {
		fmt.Fprintf(&b, "%s=%q ", name, value)
	}
	body, err := io.ReadAll(in)
	fmt.Fprintf(&b, "body=%q", body)
	if err != nil {
		fmt.Fprintf(&b, " error: %v", err)
	}
	return b.String()
}

func TestVectors(t *testing.T) {
	for _, v := range vectors.Load(t, requests) {
		v.Replay(t, func(t *testing.T, r io.Reader) {
			if got := describe(inputOf(plainSource{r})); got != v.Expect {
				t.Errorf("got %s; want %s", got, v.Expect)
			}
		})
	}
}

// A source that keeps is peeked at, which no io.Reader of Replay can be.
func TestVectorsKept(t *testing.T) {
	for _, v := range vectors.Load(t, requests) {
		for _, step := range []int{1, 7, len(v.Data)} {
			if got := describe(inputOf(&keepingSource{v.Data, step})); got != v.Expect {
				t.Errorf("%s, %d at a time: got %s; want %s", v.Name, step, got, v.Expect)
			}
		}
	}
}

// A request that ends early, after any byte of it, is never taken for a whole one.
func TestVectorsCutAtEveryByte(t *testing.T) {
	for _, v := range vectors.Load(t, requests) {
		if strings.HasPrefix(v.Expect, "error:") {
			continue
		}
		in := inputOf(plainSource{bytes.NewReader(v.Data)})
		e, err := in.readHead(testLimits)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		head := bytes.LastIndex(v.Data, []byte("\x00,")) + 2
		for n := range head + int(firstLength(e)) {
			for _, src := range []source{plainSource{bytes.NewReader(v.Data[:n])}, &keepingSource{v.Data[:n], 5}} {
				in := inputOf(src)
				_, err := in.readHead(testLimits)
				switch {
				case n >= head && err == nil:
					if _, err = io.ReadAll(in); in.left == 0 {
						t.Errorf("%s: a body cut at byte %d was read to its end: %v", v.Name, n, err)
					}
				case n == 0 && err == io.EOF, err == io.ErrUnexpectedEOF:
				default:
					t.Errorf("%s: cut at byte %d: got %v", v.Name, n, err)
				}
			}
		}
	}
}

// Rule 6 on a unix socket needs the last byte of the request unread, however it comes and however it is read.
func TestLastByteIsKept(t *testing.T) {
	for _, body := range []string{"", "1", "12", strings.Repeat("x", 63), strings.Repeat("x", 1000)} {
		raw := []byte(request(body))
		for _, step := range []int{1, 2, 63, 64, 65, len(raw) - 1, len(raw)} {
			for _, size := range []int{1, 2, 7, 2000} {
				src := &keepingSource{raw, step}
				in := inputOf(src)
				if _, err := in.readHead(testLimits); err != nil {
					t.Fatal(err)
				}
				got := readAllBy(t, in, size)
				if got != body {
					t.Errorf("body of %d, %d at a time: got %q", len(body), step, got)
				}
				if len(src.rest) == 0 {
					t.Errorf("body of %d, %d at a time, read by %d: the last byte was taken", len(body), step, size)
				}
				if in.kept != len(src.rest) || !in.whole() {
					t.Errorf("body of %d, %d at a time: kept %d, whole %v; %d are unread", len(body), step, in.kept, in.whole(), len(src.rest))
				}
			}
		}
	}
}

func readAllBy(t *testing.T, r io.Reader, size int) string {
	t.Helper()
	var b strings.Builder
	p := make([]byte, size)
	for {
		n, err := r.Read(p)
		b.Write(p[:n])
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestParamLimits(t *testing.T) {
	many := func(n int) string { return request("", strings.Split(strings.Repeat("A,b,", n-2), ",")[:2*(n-2)]...) }
	for _, test := range []struct {
		name string
		lim  limits
		raw  string
		want string // Reason of the error; "" for none
	}{
		{"as many as allowed", limits{params: 5}, many(5), ""},
		{"one more", limits{params: 5}, many(6), "variables"},
		{"no limit", limits{params: -1}, many(5000), ""},
		{"default", testLimits, many(1024), ""},
		{"over the default", testLimits, many(1025), "variables"},
		{"as many bytes as allowed", limits{block: 24}, request(""), ""},
		{"a byte more", limits{block: 23}, request(""), "bytes of variables"},
		{"more digits than the limit has", limits{block: 23}, "1000", "bytes of variables"},
		{"no limit of bytes", limits{block: -1}, many(200000), ""},
		{"no limit but int64", limits{block: -1}, "9223372036854775807:", "netstring length is too large"},
		{"no limit, 20 digits", limits{block: -1}, "10000000000000000000:", "netstring length is too large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := inputOf(plainSource{strings.NewReader(test.raw)}).readHead(test.lim)
			var p *ProtocolError
			if errors.As(err, &p); test.want == "" && err != nil || test.want != "" && (p == nil || p.Reason != test.want) {
				t.Errorf("got %v; want %q", err, test.want)
			}
		})
	}
}

// What a peer announces costs nothing; only what it sends does.
func TestMemoryFollowsWhatArrives(t *testing.T) {
	in := inputOf(plainSource{strings.NewReader("4000000000000000000:" + strings.Repeat("x", 1000))})
	if _, err := in.readHead(limits{}); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v", err)
	}
	if len(in.buf) > 4096 {
		t.Errorf("the buffer grew to %d bytes for a request of 1,020", len(in.buf))
	}
}

// S8.
func TestAppendHead(t *testing.T) {
	for _, test := range []struct {
		name   string
		e      *util.Environ
		length int64
		want   string
	}{
		{"empty", util.NewEnviron(), 0, netstring("CONTENT_LENGTH\x000\x00SCGI\x001\x00")},
		{"length and SCGI move to the front", environOf("A", "1", "CONTENT_LENGTH", "5", "SCGI", "2", "CONTENT_LENGTH", "", "B", ""), 5,
			netstring("CONTENT_LENGTH\x005\x00SCGI\x001\x00A\x001\x00B\x00\x00")},
		{"order and repetitions stay", environOf("B", "1", "A", "2", "B", "3"), 1 << 62,
			netstring("CONTENT_LENGTH\x004611686018427387904\x00SCGI\x001\x00B\x001\x00A\x002\x00B\x003\x00")},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := appendHead([]byte("before"), test.e, test.length)
			if string(got) != "before"+test.want || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, "before"+test.want)
			}
		})
	}
}

func TestAppendHeadRefusesNUL(t *testing.T) {
	for _, e := range []*util.Environ{environOf("A\x00B", "c"), environOf("A", "b\x00")} {
		got, err := appendHead([]byte("before"), e, 0)
		var bad *gateway.RequestError
		if string(got) != "before" || !errors.As(err, &bad) {
			t.Errorf("got %q, %v; want a *gateway.RequestError", got, err)
		}
	}
}

func TestProtocolErrorCutsInput(t *testing.T) {
	err := malformed("odd", 7, strings.Repeat("x", 1000))
	if want := `scgi: bad request: odd at byte 7: "` + strings.Repeat("x", 32) + `"`; err.Error() != want {
		t.Errorf("got %s; want %s", err, want)
	}
}
