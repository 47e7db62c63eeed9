package gateway

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/gateway/gatewaytest/vectors"
)

// closable records whether it was closed.
type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Close() error { c.closed = true; return nil }

// describe writes a response the way the vectors do: status | fields | body.
func describe(resp *Response) string {
	var fields []string
	for name, value := range resp.Headers.All() {
		fields = append(fields, name+"="+value)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s | %s | %s", resp.Status, strings.Join(fields, ", "), body)
}

func TestReadResponseVectors(t *testing.T) {
	for _, v := range vectors.Load(t, "../testdata/response") {
		v.Replay(t, func(t *testing.T, r io.Reader) {
			stdout := &closable{Reader: r}
			resp, err := ReadResponse(stdout, 8192)
			if text, ok := strings.CutPrefix(v.Expect, "error: "); ok {
				var b *BackendError
				if !errors.As(err, &b) || b.Status != 502 || !strings.Contains(err.Error(), text) || !stdout.closed {
					t.Errorf("got %v, closed %v; want a 502 with %q and stdout closed", err, stdout.closed, text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(resp); strings.ReplaceAll(got, "|  |", "| |") != strings.ReplaceAll(v.Expect, "\\r\\n", "\r\n") {
				t.Errorf("got %.200q; want %.200q", got, v.Expect)
			}
			if resp.Body.Close(); !stdout.closed {
				t.Error("closing the body did not close stdout")
			}
		})
	}
}

func TestReadResponseErrors(t *testing.T) {
	own := &BackendError{Status: 504, Reason: "too slow"}
	_, err := ReadResponse(&closable{Reader: iotest.ErrReader(own)}, 0)
	if err != own {
		t.Errorf("got %v; want the transport's own BackendError", err)
	}
	_, err = ReadResponse(&closable{Reader: iotest.ErrReader(errors.New("oops"))}, 0)
	var b *BackendError
	if !errors.As(err, &b) || b.Status != 502 || !strings.Contains(err.Error(), "oops") {
		t.Errorf("got %v; want a 502 with the reason", err)
	}
	_, err = ReadResponse(&closable{Reader: strings.NewReader(strings.Repeat("A: b\n", 1002) + "\n")}, 0)
	if err == nil || !strings.Contains(err.Error(), "more than 1000 fields") {
		t.Errorf("got %v; want a complaint about 1,002 fields", err)
	}
}

// TestReadResponseAtTheBound: a head of exactly maxHead bytes is accepted, and one with a byte more
// is not, in whatever pieces it arrives.
func TestReadResponseAtTheBound(t *testing.T) {
	const most = 3000 // more than the first read, less than the second
	for _, lineEnd := range []string{"\n", "\r\n"} {
		for _, more := range []int{0, 1} {
			field := "Location: " + strings.Repeat("x", most+more-len("Location: ")-len(lineEnd)) + lineEnd
			text := field + lineEnd + "body"
			for split := most - 10; split < len(text); split++ {
				r := io.MultiReader(strings.NewReader(text[:split]), strings.NewReader(text[split:]))
				resp, err := ReadResponse(&closable{Reader: r}, most)
				if more == 0 != (err == nil) {
					t.Fatalf("%d bytes with %q, split at %d: got %v", most+more, lineEnd, split, err)
				}
				if err == nil && !strings.HasSuffix(describe(resp), "| body") {
					t.Fatalf("%q, split at %d: got %.100q", lineEnd, split, describe(resp))
				}
			}
		}
	}
}

// onceReader returns all its data together with an error, and then io.EOF.
type onceReader struct {
	data string
	err  error
}

func (r *onceReader) Read(p []byte) (int, error) {
	n, err := copy(p, r.data), r.err
	r.data, r.err = "", io.EOF
	return n, err
}

// TestReadResponseErrorBesideTheHead: an error that is returned with the last bytes of the head
// becomes the error of the body.
func TestReadResponseErrorBesideTheHead(t *testing.T) {
	cut := &BackendError{Status: 502, Reason: "broke off"}
	resp, err := ReadResponse(&closable{Reader: &onceReader{"Status: 200\n\nabc", cut}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "abc" || err != cut {
		t.Errorf("got %q, %v; want abc and the error", body, err)
	}
}

// endless sends the same bytes for ever, and counts them.
type endless struct {
	text string
	read int
}

func (r *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[(r.read+i)%len(r.text)]
	}
	r.read += len(p)
	return len(p), nil
}

// TestReadResponseReadsNoFurther: of a head that never ends, at most twice the limit is read.
func TestReadResponseReadsNoFurther(t *testing.T) {
	for _, text := range []string{"A: b\n", "x", "\r", "A: b\r\n ", "\x00"} {
		r := &endless{text: text}
		if _, err := ReadResponse(&closable{Reader: r}, 8192); err == nil || r.read > 2*8192 {
			t.Errorf("%q for ever: got %v after %d bytes", text, err, r.read)
		}
	}
	_, err := ReadResponse(&closable{Reader: stuckReader{}}, 0)
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: got %v; want io.ErrNoProgress", err)
	}
}

// FuzzReadResponse: whatever a backend sends, the result is an error or a head whose parts hold no
// line break; what was read plus the body is no more than what was sent.
func FuzzReadResponse(f *testing.F) {
	for _, v := range vectors.Load(f, "../testdata/response") {
		f.Add(v.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		resp, err := ReadResponse(&closable{Reader: iotest.HalfReader(strings.NewReader(string(data)))}, 8192)
		if err != nil {
			return
		}
		if strings.ContainsAny(resp.Status+strings.Join(resp.Headers.Keys(), "")+strings.Join(resp.Headers.Values(), ""), "\r\n\x00") {
			t.Errorf("control characters in %q %v", resp.Status, resp.Headers.Items())
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || !strings.HasSuffix(string(data), string(body)) {
			t.Errorf("the body is not the end of what was sent")
		}
	})
}

// TestHeadError: the error of a bad head has its beginning, which a tool can show.
func TestHeadError(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, tt := range []struct{ name, output, start string }{
		{"nothing", "", ""},
		{"no colon", "hello\n\nworld", "hello\n"},
		{"unfinished", "Content-Type: text/plain\n", "Content-Type: text/plain\n"},
		{"long", long + "\n\n", long[:256]},
		{"after an interim response", "Status: 103 Early Hints\n\nhello\n\n", "hello\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadResponse(io.NopCloser(strings.NewReader(tt.output)), 0)
			if head := (*HeadError)(nil); !errors.As(err, &head) || head.Start != tt.start {
				t.Errorf("got %.500v, which begins %.300q; want %.300q", err, head, tt.start)
			}
		})
	}
	_, err := ReadResponse(io.NopCloser(iotest.ErrReader(&BackendError{Status: 504})), 0)
	if errors.As(err, new(*HeadError)) {
		t.Errorf("got %v for a failure of the stream; want no HeadError", err)
	}
}
