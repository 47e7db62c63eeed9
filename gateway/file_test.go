package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// tempFile returns an open file with the given content, at offset 0.
func tempFile(t *testing.T, content string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// sender is a Stdout that accepts files and records how it got them.
type sender struct {
	bytes.Buffer
	limits []int64
}

func (s *sender) SendFile(f File, n int64) (int64, error) {
	s.limits = append(s.limits, n)
	return io.Copy(&s.Buffer, limitReader(f, n))
}

func TestFilesReachTheSender(t *testing.T) {
	const content = "0123456789"
	for _, c := range []struct {
		name  string
		copy  func(w io.Writer, f *os.File) (int64, error)
		limit int64
		want  string
	}{
		{"io.Copy", func(w io.Writer, f *os.File) (int64, error) { return io.Copy(w, f) }, -1, content},
		{"io.CopyN", func(w io.Writer, f *os.File) (int64, error) { return io.CopyN(w, f, 4) }, 4, "0123"},
		{"from an offset", func(w io.Writer, f *os.File) (int64, error) {
			f.Seek(7, io.SeekStart)
			return io.Copy(w, f)
		}, -1, "789"},
		{"FileWrapper", func(w io.Writer, f *os.File) (int64, error) { return io.Copy(w, util.NewFileWrapper(f, 0)) }, -1, content},
		{"limited FileWrapper", func(w io.Writer, f *os.File) (int64, error) {
			return io.CopyN(w, util.NewFileWrapper(f, 0), 3)
		}, 3, "012"},
		{"ReadFrom", func(w io.Writer, f *os.File) (int64, error) { return w.(io.ReaderFrom).ReadFrom(f) }, -1, content},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := &sender{}
			err := (&BaseCGIHandler{Stdout: out}).Run(context.Background(), AppFunc(func(w ResponseWriter, r *Request) error {
				n, err := c.copy(w, tempFile(t, content))
				if n != int64(len(c.want)) {
					t.Errorf("got %d bytes; want %d", n, len(c.want))
				}
				return err
			}))
			if want := "Status: 200 OK\r\n\r\n" + c.want; out.String() != want || err != nil {
				t.Errorf("got %q, %v; want %q", out.String(), err, want)
			}
			if len(out.limits) != 1 || out.limits[0] != c.limit {
				t.Errorf("got SendFile%v; want [%d]", out.limits, c.limit)
			}
		})
	}
}

func TestFilesUnderTheRules(t *testing.T) {
	file := func(f func(t *testing.T) *os.File) func(t *testing.T) AppFunc {
		return func(t *testing.T) AppFunc {
			return func(w ResponseWriter, r *Request) error { _, err := io.Copy(w, f(t)); return err }
		}
	}
	ten := file(func(t *testing.T) *os.File { return tempFile(t, "0123456789") })
	declare := func(n string) AppFunc { return start("200 OK", "Content-Length", n) }
	for _, c := range []struct {
		name, method string
		before       AppFunc
		want         string
		broken       error
		sent         int
	}{
		{"bytes before the file", "GET", write("ab"), "Status: 200 OK\r\n\r\nab0123456789", nil, 1},
		{"declared length", "GET", declare("10"), "Status: 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", nil, 1},
		{"file longer than declared", "GET", declare("4"), "Status: 200 OK\r\nContent-Length: 4\r\n\r\n0123", ErrContentLength, 1},
		{"file shorter than declared", "GET", declare("11"), "Status: 200 OK\r\nContent-Length: 11\r\n\r\n0123456789", ErrContentLength, 1},
		{"HEAD", "HEAD", declare("10"), "Status: 200 OK\r\nContent-Length: 10\r\n\r\n", nil, 0},
		{"304", "GET", start("304 Not Modified"), "Status: 304 Not Modified\r\n\r\n", nil, 0},
		{"refused field", "GET", start("200 OK", "Upgrade", "x"), errorPage500, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := &sender{}
			h := &BaseCGIHandler{Stdout: out, Stderr: io.Discard, Environ: environ("REQUEST_METHOD", c.method)}
			err := h.Run(context.Background(), then(c.before, ten(t)))
			if out.String() != c.want || len(out.limits) != c.sent {
				t.Errorf("got %q, %d files; want %q, %d", out.String(), len(out.limits), c.want, c.sent)
			}
			if c.broken == nil && err != nil || !errors.Is(err, c.broken) {
				t.Errorf("got error %v; want %v", err, c.broken)
			}
		})
	}
}

func TestHeadMovesPastTheFile(t *testing.T) {
	f := tempFile(t, "0123456789")
	run("HEAD", func(w ResponseWriter, r *Request) error {
		if n, err := io.CopyN(w, f, 4); n != 4 || err != nil {
			t.Errorf("got %d, %v; want 4", n, err)
		}
		return nil
	})
	if at, _ := f.Seek(0, io.SeekCurrent); at != 4 {
		t.Errorf("got offset %d; want 4", at)
	}
}

func TestNoFileWrapper(t *testing.T) {
	out := &sender{}
	err := (&BaseCGIHandler{Stdout: out, NoFileWrapper: true}).Run(context.Background(), AppFunc(func(w ResponseWriter, r *Request) error {
		_, err := io.Copy(w, tempFile(t, "abc"))
		return err
	}))
	if want := "Status: 200 OK\r\nContent-Length: 3\r\n\r\nabc"; out.String() != want || out.limits != nil || err != nil {
		t.Errorf("got %q, %v, %v; want %q and no SendFile", out.String(), out.limits, err, want)
	}
}

// TestPipeIsNoFile: a pipe may block, and must not do so after the head was sent and while the lock
// is held.
func TestPipeIsNoFile(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	io.WriteString(w, "abc")
	w.Close()
	out := &sender{}
	runHandler(&BaseCGIHandler{Stdout: out}, func(w ResponseWriter, _ *Request) error { _, err := io.Copy(w, r); return err })
	if want := "Status: 200 OK\r\nContent-Length: 3\r\n\r\nabc"; out.String() != want || out.limits != nil {
		t.Errorf("got %q in %d files; want %q", out.String(), len(out.limits), want)
	}
}

func TestReadFromStream(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	got := run("GET", func(w ResponseWriter, r *Request) error {
		n, err := io.Copy(w, struct{ io.Reader }{strings.NewReader(long)})
		if n != int64(len(long)) {
			t.Errorf("got %d bytes; want %d", n, len(long))
		}
		return err
	})
	if got.out != "Status: 200 OK\r\n\r\n"+long || got.err != nil {
		t.Errorf("got %d bytes, %v", len(got.out), got.err)
	}
	oops := errors.New("oops")
	got = run("GET", func(w ResponseWriter, r *Request) error {
		_, err := io.Copy(w, io.MultiReader(strings.NewReader("abc"), &errReader{oops}))
		if err != oops {
			t.Errorf("got %v; want the source's error", err)
		}
		return err
	})
	if got.out != errorPage500 {
		t.Errorf("got %q; want the error page", got.out)
	}
}

type errReader struct{ err error }

func (r *errReader) Read([]byte) (int, error) { return 0, r.err }

func TestChunkedFile(t *testing.T) {
	h := &BaseCGIHandler{OriginServer: true, Environ: environ("SERVER_PROTOCOL", "HTTP/1.1")}
	got := runHandler(h, func(w ResponseWriter, r *Request) error { _, err := io.Copy(w, tempFile(t, "0123456789")); return err })
	if !strings.HasSuffix(got.out, "\r\n\r\na\r\n0123456789\r\n0\r\n\r\n") || got.err != nil {
		t.Errorf("got %q, %v", got.out, got.err)
	}
}

// strictWriter is a Stdout for which an empty write ends the stream, as an empty STDOUT record does
// in FastCGI.
type strictWriter struct {
	strings.Builder
	t *testing.T
}

func (s *strictWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		s.t.Error("an empty write")
	}
	return s.Builder.Write(p)
}

func TestCopiesWriteNothingEmpty(t *testing.T) {
	for _, n := range []int64{-1, 0, 3, 9} {
		out := &strictWriter{t: t}
		if _, err := SendFile(out, tempFile(t, "abcdef"), n, nil); err != nil {
			t.Error(err)
		}
	}
	runHandler(&BaseCGIHandler{Stdout: &strictWriter{t: t}}, func(w ResponseWriter, r *Request) error {
		_, err := io.Copy(w, tempFile(t, ""))
		return err
	})
}

// shortWriter writes one byte less than it is given, without an error.
type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) - 1, nil }

func TestShortWrites(t *testing.T) {
	if n, err := SendFile(shortWriter{}, tempFile(t, "abc"), -1, nil); n != 2 || err != io.ErrShortWrite {
		t.Errorf("SendFile: got %d, %v; want io.ErrShortWrite", n, err)
	}
	if got := runHandler(&BaseCGIHandler{Stdout: shortWriter{}}, write("x")); !errors.Is(got.err, io.ErrShortWrite) || !errors.Is(got.err, ErrBroken) {
		t.Errorf("Write: got %v; want io.ErrShortWrite", got.err)
	}
}

// failingSender fails in the middle of a file.
type failingSender struct {
	strings.Builder
	err error
}

func (s *failingSender) SendFile(f File, n int64) (int64, error) {
	sent, _ := io.CopyN(&s.Builder, f, 3)
	return sent, s.err
}

// TestFileErrorIgnored: the response is not complete even if the App ignores the error, as
// http.ServeContent does.
func TestFileErrorIgnored(t *testing.T) {
	for _, c := range []struct {
		err  error
		gone bool
	}{{errors.New("no space left"), false}, {syscall.EPIPE, true}} {
		out := &failingSender{err: c.err}
		got := runHandler(&BaseCGIHandler{Stdout: out}, func(w ResponseWriter, r *Request) error {
			io.Copy(w, tempFile(t, "abcdef"))
			io.WriteString(w, "more")
			return nil
		})
		if !errors.Is(got.err, ErrBroken) || !errors.Is(got.err, c.err) || out.String() != "Status: 200 OK\r\n\r\nabc" {
			t.Errorf("got %q, %v; want a broken response", out.String(), got.err)
		}
		if PeerGone(got.err) != c.gone || strings.Contains(got.log, c.err.Error()) == c.gone {
			t.Errorf("got %v, log %q; want a line unless the peer is gone", got.err, got.log)
		}
	}
}

// headSender has methods for heads and for files.
type headSender struct {
	sender
	status string
}

func (s *headSender) WriteHead(status string, fields *headers.Headers) error {
	s.status = status
	return nil
}

func TestBytesBeforeTheFile(t *testing.T) {
	out := &headSender{}
	got := runHandler(&BaseCGIHandler{Stdout: out}, then(write("ab"), func(w ResponseWriter, r *Request) error {
		_, err := io.Copy(w, tempFile(t, "cd"))
		return err
	}, write("ef")))
	if out.status != "200 OK" || out.String() != "abcdef" || len(out.limits) != 1 || got.err != nil {
		t.Errorf("got %q, %q, %d files, %v; want abcdef", out.status, out.String(), len(out.limits), got.err)
	}
}

// upper is a reader that changes the bytes of the reader inside.
type upper struct{ f *os.File }

func (u upper) Unwrap() io.Reader { return u.f }

func (u upper) Read(p []byte) (int, error) {
	n, err := u.f.Read(p)
	copy(p, bytes.ToUpper(p[:n]))
	return n, err
}

func TestOnlyFileWrappersAreUnwrapped(t *testing.T) {
	out := &sender{}
	runHandler(&BaseCGIHandler{Stdout: out}, func(w ResponseWriter, r *Request) error {
		_, err := io.Copy(w, upper{tempFile(t, "abc")})
		return err
	})
	if !strings.HasSuffix(out.String(), "\r\n\r\nABC") || out.limits != nil {
		t.Errorf("got %q in %d files; want ABC, not as a file", out.String(), len(out.limits))
	}
}

// pipeFile is a File without Seek, which the interface does not require.
type pipeFile struct{ File }

func TestFileThatCannotSeek(t *testing.T) {
	for _, c := range []struct {
		content string
		want    error
	}{{"0123", nil}, {"01234", ErrContentLength}} {
		var got error
		runHandler(&BaseCGIHandler{}, then(start("200 OK", "Content-Length", "4"), func(w ResponseWriter, r *Request) error {
			_, got = w.(io.ReaderFrom).ReadFrom(pipeFile{tempFile(t, c.content)})
			return nil
		}))
		if got != c.want {
			t.Errorf("%q, of 4 bytes declared: got %v; want %v", c.content, got, c.want)
		}
	}
}

// shrinking is a Stdout that truncates the file while it is sent.
type shrinking struct {
	*sender
	f *os.File
}

// SendFile truncates the file while it is sent.
func (s shrinking) SendFile(f File, n int64) (int64, error) {
	os.Truncate(s.f.Name(), 4)
	return s.sender.SendFile(f, n)
}

// TestFileThatShrinks: rule 8.
func TestFileThatShrinks(t *testing.T) {
	f := tempFile(t, "0123456789")
	out := shrinking{&sender{}, f}
	got := runHandler(&BaseCGIHandler{Stdout: out}, then(start("200 OK", "Content-Length", "10"), func(w ResponseWriter, r *Request) error {
		io.CopyN(w, f, 10)
		return nil
	}))
	if !errors.Is(got.err, ErrBroken) || !errors.Is(got.err, ErrContentLength) || !strings.HasSuffix(out.String(), "\r\n\r\n0123") {
		t.Errorf("got %q, %v; want ErrBroken", out.String(), got.err)
	}
}

// TestLimitedReaderCounts: N of the reader is the number of bytes that were not sent.
func TestLimitedReaderCounts(t *testing.T) {
	for _, noWrapper := range []bool{false, true} {
		runHandler(&BaseCGIHandler{Stdout: &sender{}, NoFileWrapper: noWrapper}, func(w ResponseWriter, r *Request) error {
			l := &io.LimitedReader{R: tempFile(t, "0123456789"), N: 14}
			if n, err := w.(io.ReaderFrom).ReadFrom(l); n != 10 || l.N != 4 || err != nil {
				t.Errorf("got %d, %v, %d left; want 10, and 4 left", n, err, l.N)
			}
			l = &io.LimitedReader{R: tempFile(t, "x"), N: -1}
			if n, err := w.(io.ReaderFrom).ReadFrom(l); n != 0 || err != nil {
				t.Errorf("a limit below 0: got %d, %v; want nothing, not all", n, err)
			}
			return nil
		})
	}
}
