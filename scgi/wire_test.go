package scgi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/vectors"
	"github.com/cgikit/cgikit/util"
)

// requests are the vectors of SCGI: bytes as they come over a connection, and what describe says of
// them.
const requests = "../testdata/scgi"

var testLimits = (&Server{}).limits()

// scripted is to readHead what a transport.Exchange is, with the bytes of a reader.
type scripted struct {
	r    io.Reader
	head []byte
	body io.Reader
	left int64
}

func (s *scripted) Fill() ([]byte, error) {
	p := make([]byte, 64)
	n, err := s.r.Read(p)
	s.head = append(s.head, p[:n]...)
	switch {
	case n > 0:
		return s.head, nil
	case err == io.EOF && len(s.head) > 0:
		err = io.ErrUnexpectedEOF
	}
	return s.head, err
}

func (s *scripted) BeginBody(size int, length int64) {
	s.body, s.left = io.LimitReader(io.MultiReader(bytes.NewReader(s.head[size:]), s.r), length), length
}

func (s *scripted) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	s.left -= int64(n)
	return n, err
}

func inputOf(r io.Reader) *scripted { return &scripted{r: r} }

// describe reads a request and says what it was, in the words of a vector.
func describe(in *scripted) string {
	e, err := readHead(in, new(util.EnvironText), testLimits)
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

// TestVectors: the netstring (S1), its pairs (S2), names that stand twice (S3), CONTENT_LENGTH (S4)
// and the version (S5).
func TestVectors(t *testing.T) {
	for _, v := range vectors.Load(t, requests) {
		v.Replay(t, func(t *testing.T, r io.Reader) {
			if got := describe(inputOf(r)); got != v.Expect {
				t.Errorf("got %s; want %s", got, v.Expect)
			}
		})
	}
}

// A request that ends early, after any byte of it, is never taken for a whole one.
func TestVectorsCutAtEveryByte(t *testing.T) {
	for _, v := range vectors.Load(t, requests) {
		if strings.HasPrefix(v.Expect, "error:") {
			continue
		}
		in := inputOf(bytes.NewReader(v.Data))
		e, err := readHead(in, new(util.EnvironText), testLimits)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		head := bytes.LastIndex(v.Data, []byte("\x00,")) + 2
		for n := range head + int(firstLength(e)) {
			in := inputOf(bytes.NewReader(v.Data[:n]))
			_, err := readHead(in, new(util.EnvironText), testLimits)
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
			_, err := readHead(inputOf(strings.NewReader(test.raw)), new(util.EnvironText), test.lim)
			var p *ProtocolError
			if errors.As(err, &p); test.want == "" && err != nil || test.want != "" && (p == nil || p.Reason != test.want) {
				t.Errorf("got %v; want %q", err, test.want)
			}
		})
	}
}
