package nethttp

import (
	"errors"
	"io"
	"net/http/fcgi"
	"strings"
	"testing"
)

// TestStdinEnds: a body that was cut off never ends as a complete one does.
func TestStdinEnds(t *testing.T) {
	cut := errors.New("cut")
	for _, test := range []struct {
		name string
		do   func(s *stdin, w *io.PipeWriter)
		got  string
		want error
	}{
		{"complete", func(_ *stdin, w *io.PipeWriter) { w.Write([]byte("body")); w.Close() }, "body", nil},
		{"by net/http/fcgi", func(_ *stdin, w *io.PipeWriter) { w.CloseWithError(fcgi.ErrConnClosed) }, "", errBodyCut},
		{"within a Read", func(s *stdin, w *io.PipeWriter) { w.Write([]byte("part")); s.fail(cut) }, "part", cut},
		{"and its end comes", func(s *stdin, w *io.PipeWriter) { s.fail(cut); w.Close() }, "", cut},
	} {
		t.Run(test.name, func(t *testing.T) {
			body, w := io.Pipe()
			s := newStdin()
			s.begin(body)
			go test.do(s, w)
			got, err := io.ReadAll(s)
			if string(got) != test.got || err != test.want {
				t.Errorf("got %q, %v; want %q, %v", got, err, test.got, test.want)
			}
		})
	}
}

// TestStdinCutBeforeTheHandler: the request was aborted before net/http/fcgi called its handler,
// which waits for nothing then.
func TestStdinCutBeforeTheHandler(t *testing.T) {
	body, w := io.Pipe()
	s := newStdin()
	s.fail(errBodyCut)
	s.begin(body)
	if n, err := s.Read(make([]byte, 1)); n != 0 || err != errBodyCut {
		t.Errorf("got %d bytes, %v", n, err)
	}
	if _, err := w.Write([]byte(strings.Repeat("x", 9))); err != io.ErrClosedPipe {
		t.Errorf("net/http/fcgi's Write gave %v; want it not to wait", err)
	}
}

// newStdin returns the body of a request without a ReadTimeout.
func newStdin() *stdin {
	r := &request{conn: new(conn)}
	r.stdin.request = r
	return &r.stdin
}
