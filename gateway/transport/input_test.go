package transport

import (
	"io"
	"strings"
	"testing"
)

// peekSource must be peeked at, and returns at most step bytes at a time.
type peekSource struct {
	rest []byte
	step int
}

func (s *peekSource) mustPeek() bool { return true }

func (s *peekSource) Peek(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	return copy(p, s.rest[:min(s.step, len(s.rest))]), nil
}

func (s *peekSource) Read(p []byte) (int, error) {
	n, err := s.Peek(p)
	s.rest = s.rest[n:]
	return n, err
}

func inputOf(src source) *input { return &input{src: src, buf: make([]byte, 64)} }

// On a unix socket, a reset needs the last byte of the request unread, in whatever pieces the
// request arrives and is read.
func TestLastByteIsKept(t *testing.T) {
	const head = "a head."
	for _, body := range []string{"", "1", "12", strings.Repeat("x", 63), strings.Repeat("x", 1000)} {
		raw := []byte(head + body)
		for _, step := range []int{1, 2, 63, 64, 65, len(raw) - 1, len(raw)} {
			for _, size := range []int{1, 2, 7, 2000} {
				src := &peekSource{raw, step}
				in := inputOf(src)
				for in.end < len(head) {
					if err := in.fill(); err != nil {
						t.Fatal(err)
					}
				}
				in.start, in.left = len(head), int64(len(body))
				got := readAllBy(t, in, size)
				if got != body {
					t.Errorf("body of %d, %d at a time: got %q", len(body), step, got)
				}
				if len(src.rest) == 0 {
					t.Errorf("body of %d, %d at a time, read by %d: the last byte was taken", len(body), step, size)
				}
				if in.peeked != len(src.rest) || !in.isComplete() {
					t.Errorf("body of %d, %d at a time: peeked %d, complete %v; %d are unread", len(body), step, in.peeked, in.isComplete(), len(src.rest))
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

// TestInputCutAtEveryByte: a request that ends after any of its bytes but the last is never taken
// for a complete one.
func TestInputCutAtEveryByte(t *testing.T) {
	const head, body = "a head.", "and its body"
	for n := range len(head + body) {
		in := inputOf(&peekSource{[]byte((head + body)[:n]), 5})
		var err error
		for err == nil && in.end < len(head) {
			err = in.fill()
		}
		if want := io.ErrUnexpectedEOF; n == 0 && err != io.EOF || 0 < n && n < len(head) && err != want || n >= len(head) && err != nil {
			t.Errorf("cut at byte %d: %v", n, err)
		}
		if err != nil {
			continue
		}
		in.start, in.left = len(head), int64(len(body))
		if _, err := io.ReadAll(in); in.left == 0 {
			t.Errorf("a body cut at byte %d was read to its end: %v", n, err)
		}
	}
}

// TestMemoryFollowsWhatArrives: the buffer grows with the bytes that arrive, not with a length that
// the peer announces.
func TestMemoryFollowsWhatArrives(t *testing.T) {
	in := inputOf(&peekSource{make([]byte, 1000), 1000})
	for in.fill() == nil {
	}
	if len(in.buf) > 4096 {
		t.Errorf("the buffer grew to %d bytes for a request of 1,000", len(in.buf))
	}
}

// FuzzInput: in whatever pieces the request arrives and is read, Read returns the body unchanged,
// and the last byte of the request stays in the system.
func FuzzInput(f *testing.F) {
	f.Add("a head.", "and its body", uint8(1), uint8(1))
	f.Add("a head.", "", uint8(200), uint8(7))
	f.Fuzz(func(t *testing.T, head, body string, step, size uint8) {
		if head == "" {
			return
		}
		src := &peekSource{[]byte(head + body), int(step) + 1}
		in := inputOf(src)
		for in.end < len(head) {
			if err := in.fill(); err != nil {
				t.Fatal(err)
			}
		}
		in.start, in.left = len(head), int64(len(body))
		if got := readAllBy(t, in, int(size)+1); got != body {
			t.Fatalf("got %q; want %q", got, body)
		}
		if len(src.rest) == 0 || in.peeked != len(src.rest) || !in.isComplete() {
			t.Fatalf("peeked %d, complete %v; %d are unread", in.peeked, in.isComplete(), len(src.rest))
		}
	})
}
