package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/headers"
)

const errorPage500 = "Status: 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 67\r\n\r\n" + defaultErrorBody

func start(status string, fields ...string) AppFunc {
	return func(w ResponseWriter, r *Request) error {
		for i := 0; i < len(fields); i += 2 {
			w.Headers().Add(fields[i], fields[i+1])
		}
		return w.Start(status)
	}
}

// then runs apps one after another on one response.
func then(apps ...AppFunc) AppFunc {
	return func(w ResponseWriter, r *Request) error {
		for _, app := range apps {
			if err := app(w, r); err != nil {
				return err
			}
		}
		return nil
	}
}

func flush(w ResponseWriter, r *Request) error { return w.Flush() }

func TestResponses(t *testing.T) {
	k4 := strings.Repeat("x", headBuffer)
	for _, c := range []struct {
		name   string
		method string // GET where empty
		app    AppFunc
		want   string
	}{
		// Rule 5 and 3: what an App leaves out.
		{"app that does nothing", "", write(), "Status: 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"app that does nothing, HEAD", "HEAD", write(), "Status: 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"write without start", "", write("hello"), "Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
		{"start without body", "", start("404 Not Found"), "Status: 404 Not Found\r\nContent-Length: 0\r\n\r\n"},
		{"several writes", "", write("a", "", "b", "c"), "Status: 200 OK\r\nContent-Length: 3\r\n\r\nabc"},
		{"empty reason", "", start("299 "), "Status: 299 \r\nContent-Length: 0\r\n\r\n"},
		{"body of exactly the buffer", "", write(k4), "Status: 200 OK\r\nContent-Length: 4096\r\n\r\n" + k4},
		{"body over the buffer", "", write(k4, "y"), "Status: 200 OK\r\n\r\n" + k4 + "y"},
		{"large write", "", write("a", k4+k4, "b"), "Status: 200 OK\r\n\r\na" + k4 + k4 + "b"},

		// Rule 1: lazily, and no later change.
		{"start again", "", then(start("200 OK"), start("404 Not Found")), "Status: 404 Not Found\r\nContent-Length: 0\r\n\r\n"},
		{"start after a small write", "", then(write("x"), start("404 Not Found")), "Status: 404 Not Found\r\nContent-Length: 1\r\n\r\nx"},
		{"flush before the first byte", "", then(start("200 OK", "A", "b"), flush, write("x")), "Status: 200 OK\r\nA: b\r\n\r\nx"},
		{"fields after the head", "", then(flush, start200Late), "Status: 200 OK\r\n\r\n"},

		// Rule 2: bodies that must not be.
		{"HEAD", "HEAD", write("hello"), "Status: 200 OK\r\nContent-Length: 5\r\n\r\n"},
		{"HEAD, large", "HEAD", write(k4, k4), "Status: 200 OK\r\n\r\n"},
		{"HEAD, started and silent", "HEAD", start("200 OK"), "Status: 200 OK\r\n\r\n"},
		{"HEAD keeps its length", "HEAD", start("200 OK", "Content-Length", "10"), "Status: 200 OK\r\nContent-Length: 10\r\n\r\n"},
		{"HEAD, flushed between", "HEAD", then(write("a"), flush, write("b")), "Status: 200 OK\r\n\r\n"},
		{"head is not HEAD", "head", write("hello"), "Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
		{"204", "", then(start("204 No Content", "Content-Type", "text/plain", "Content-Length", "3"), write("abc")), "Status: 204 No Content\r\n\r\n"},
		{"304", "", then(start("304 Not Modified", "ETag", `"x"`, "content-type", "a/b"), write("abc")), "Status: 304 Not Modified\r\nETag: \"x\"\r\n\r\n"},
		{"205", "", then(start("205 Reset Content", "Content-Type", "text/plain", "Content-Length", "3"), write("abc")), "Status: 205 Reset Content\r\n\r\n"},
		{"205 with a large body", "", then(start("205 Reset Content"), write(k4, k4)), "Status: 205 Reset Content\r\n\r\n"},
		{"204 with more than its length", "", then(start("204 No Content", "Content-Length", "1"), write("abc")), "Status: 204 No Content\r\n\r\n"},
		{"204 with a large body", "", then(start("204 No Content"), write(k4, k4)), "Status: 204 No Content\r\n\r\n"},
		{"1xx is ignored", "", then(start("103 Early Hints"), start("200 OK"), start("100 Continue"), write("x")), "Status: 200 OK\r\nContent-Length: 1\r\n\r\nx"},

		// Rule 3: a declared length.
		{"declared", "", then(start("200 OK", "Content-Length", "3"), write("ab", "c")), "Status: 200 OK\r\nContent-Length: 3\r\n\r\nabc"},
		{"declared too long", "", then(start("200 OK", "Content-Length", "4"), write("abc")), errorPage500},
		{"declared too short", "", then(start("200 OK", "Content-Length", "2"), write("abc")), errorPage500},
		{"declared too short, error ignored", "", then(start("200 OK", "Content-Length", "2"), ignored("abc")), "Status: 200 OK\r\nContent-Length: 2\r\n\r\nab"},
		{"declared after too much", "", then(write("abc"), start("200 OK", "Content-Length", "2")), errorPage500},
		{"declared twice", "", then(start("200 OK", "Content-Length", "3", "Content-Length", "3"), write("abc")), errorPage500},
		{"declared negative", "", then(start("200 OK", "Content-Length", "-1")), errorPage500},
		{"declared with a sign", "", then(start("200 OK", "Content-Length", "+3"), write("abc")), errorPage500},
		{"declared over 64 bits", "", then(start("200 OK", "Content-Length", "99999999999999999999")), errorPage500},
		{"declared empty", "", then(start("200 OK", "Content-Length", "")), errorPage500},

		// Rule 4: refused, whether the App looks at the error or not.
		{"hop-by-hop", "", start("200 OK", "Connection", "close"), errorPage500},
		{"transfer coding", "", then(start("200 OK", "transfer-encoding", "chunked"), write("x")), errorPage500},
		{"Status as a field", "", start("200 OK", "STATUS", "404 Not Found"), errorPage500},
		{"CRLF in a value", "", start("200 OK", "A", "b\r\nSet-Cookie: c"), errorPage500},
		{"space in a name", "", start("200 OK", "A b", "c"), errorPage500},
		{"status without a space", "", ignoringStart("200"), errorPage500},
		{"status with a letter", "", ignoringStart("2x0 OK"), errorPage500},
		{"status 099", "", ignoringStart("099 X"), errorPage500},
		{"status empty", "", ignoringStart(""), errorPage500},
		{"status with CRLF", "", ignoringStart("200 OK\r\nX: y"), errorPage500},
		{"status with NUL", "", ignoringStart("200 O\x00K"), errorPage500},
		{"status with DEL", "", ignoringStart("200 O\x7fK"), errorPage500},
		{"bad status, then a good one", "", then(ignoringStart("oops"), start("200 OK")), errorPage500},

		// Rule 7: order and spelling.
		{"order and spelling", "", start("200 oK", "x-b", "1", "X-A", "2", "x-B", "3"), "Status: 200 oK\r\nx-b: 1\r\nX-A: 2\r\nx-B: 3\r\nContent-Length: 0\r\n\r\n"},
		{"tab in the reason", "", start("200 O\tK"), "Status: 200 O\tK\r\nContent-Length: 0\r\n\r\n"},
		{"bytes over 127", "", start("200 \xe9t\xe9", "A", "\xe9"), "Status: 200 \xe9t\xe9\r\nA: \xe9\r\nContent-Length: 0\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = "GET"
			}
			got := run(method, c.app)
			if got.out != c.want || got.err != nil {
				t.Errorf("got %.300q, %v; want %.300q", got.out, got.err, c.want)
			}
			got = run(method, func(w ResponseWriter, r *Request) error { return c.app(onlyWrite{w}, r) })
			if got.out != c.want || got.err != nil {
				t.Errorf("by Write alone: got %.300q, %v; want %.300q", got.out, got.err, c.want)
			}
		})
	}
}

// onlyWrite hides WriteString and ReadFrom.
type onlyWrite struct{ ResponseWriter }

func start200Late(w ResponseWriter, r *Request) error {
	w.Headers().Add("Too", "late")
	if err := w.Start("404 Not Found"); err != ErrCommitted {
		return errors.New("start after the head was sent: no ErrCommitted")
	}
	return nil
}

func ignored(text string) AppFunc {
	return func(w ResponseWriter, r *Request) error {
		if n, err := io.WriteString(w, text); err != ErrContentLength || n != 2 {
			return errors.New("no ErrContentLength")
		}
		return nil
	}
}

func ignoringStart(status string) AppFunc {
	return func(w ResponseWriter, r *Request) error {
		if w.Start(status) == nil {
			io.WriteString(w, "Start accepted the status")
		}
		return nil
	}
}

// TestBrokenResponses: a failure after the head is never followed by a second head or by the rest
// of the body (rule 6).
func TestBrokenResponses(t *testing.T) {
	oops := func(w ResponseWriter, r *Request) error { return errors.New("oops") }
	boom := func(w ResponseWriter, r *Request) error { panic("boom") }
	for _, c := range []struct {
		name   string
		app    AppFunc
		out    string
		is     error
		logged string // part of the log; "" means that there must be none
	}{
		{"error after flush", then(write("abc"), flush, oops), "Status: 200 OK\r\n\r\nabc", nil, "oops"},
		{"panic after flush", then(flush, boom), "Status: 200 OK\r\n\r\n", nil, "boom"},
		{"short body", then(start("200 OK", "Content-Length", "5"), flush, write("abc")), "Status: 200 OK\r\nContent-Length: 5\r\n\r\nabc", ErrContentLength, "Content-Length"},
		{"long body", then(start("200 OK", "Content-Length", "2"), flush, write("abc")), "Status: 200 OK\r\nContent-Length: 2\r\n\r\n", ErrContentLength, "Content-Length"},
		{"abort by panic", then(flush, func(ResponseWriter, *Request) error { panic(ErrAbort) }), "Status: 200 OK\r\n\r\n", ErrAbort, ""},
		{"abort before the head", func(ResponseWriter, *Request) error { return ErrAbort }, "", ErrAbort, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run("GET", c.app)
			if !errors.Is(got.err, ErrBroken) || c.is != nil && !errors.Is(got.err, c.is) {
				t.Errorf("got error %v; want ErrBroken and %v", got.err, c.is)
			}
			if got.out != c.out {
				t.Errorf("got %q; want %q", got.out, c.out)
			}
			if !strings.Contains(got.log, c.logged) || c.logged == "" && got.log != "" {
				t.Errorf("got log %q; want %q in it", got.log, c.logged)
			}
		})
	}
}

// TestStartAfterLoss: Start reports ErrCommitted even after Stdout has failed.
func TestStartAfterLoss(t *testing.T) {
	h := &BaseCGIHandler{Environ: environ(), Stdout: &failingWriter{limit: 100, err: syscall.EPIPE}}
	_ = h.Run(context.Background(), AppFunc(func(w ResponseWriter, r *Request) error {
		if err := w.Flush(); err != nil {
			t.Fatalf("the head: got %v", err)
		}
		_, err := io.WriteString(w, strings.Repeat("x", 10_000))
		if err == nil {
			err = w.Flush()
		}
		if !errors.Is(err, syscall.EPIPE) {
			t.Errorf("the body: got %v; want EPIPE", err)
		}
		if err := w.Start("500 Late"); err != ErrCommitted {
			t.Errorf("Start: got %v; want ErrCommitted", err)
		}
		return err
	}))
}

// TestAfterReturn: the values that an App got fail after it has returned.
func TestAfterReturn(t *testing.T) {
	var w ResponseWriter
	var r *Request
	got := runHandler(&BaseCGIHandler{Environ: environ("CONTENT_LENGTH", "5"), Stdin: strings.NewReader("hello")}, func(aw ResponseWriter, ar *Request) error {
		w, r = aw, ar
		ar.Context().Done()
		return nil
	})
	if got.err != nil {
		t.Fatal(got.err)
	}
	if _, err := w.Write([]byte("x")); err != ErrFinished {
		t.Errorf("Write: got %v; want ErrFinished", err)
	}
	if err := w.Start("200 OK"); err != ErrFinished {
		t.Errorf("Start: got %v; want ErrFinished", err)
	}
	if err := w.Flush(); err != ErrFinished {
		t.Errorf("Flush: got %v; want ErrFinished", err)
	}
	if _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("x")); err != ErrFinished {
		t.Errorf("ReadFrom: got %v; want ErrFinished", err)
	}
	if _, err := w.(io.StringWriter).WriteString("x"); err != ErrFinished {
		t.Errorf("WriteString: got %v; want ErrFinished", err)
	}
	if _, err := r.Stdin.Read(make([]byte, 1)); err != ErrFinished {
		t.Errorf("Stdin: got %v; want ErrFinished", err)
	}
	if err := r.Context().Err(); err != context.Canceled {
		t.Errorf("Context: got %v; want Canceled", err)
	}
	if strings.Contains(got.out, "x") {
		t.Errorf("late bytes were sent: %q", got.out)
	}
}

// headStdout is a HeadWriter.
type headStdout struct {
	strings.Builder
	status, fields string
	flushes        int
}

func (s *headStdout) WriteHead(status string, fields *headers.Headers) error {
	s.status, s.fields = status, fields.String()
	return nil
}

func (s *headStdout) Flush() error { s.flushes++; return nil }

func TestHeadWriter(t *testing.T) {
	out := &headStdout{}
	err := (&BaseCGIHandler{Environ: environ("REQUEST_METHOD", "GET"), Stdout: out}).Run(context.Background(), write("hello"))
	if err != nil || out.status != "200 OK" || out.fields != "Content-Length: 5\r\n\r\n" || out.String() != "hello" {
		t.Errorf("got %q %q %q, %v", out.status, out.fields, out.String(), err)
	}
	out = &headStdout{}
	err = (&BaseCGIHandler{Environ: environ("REQUEST_METHOD", "GET"), Stdout: out}).Run(context.Background(), then(flush, write("a"), flush))
	if err != nil || out.fields != "\r\n" || out.String() != "a" || out.flushes != 2 {
		t.Errorf("got %q %q, %d flushes, %v", out.fields, out.String(), out.flushes, err)
	}
}

func TestHeadWriterForHead(t *testing.T) {
	out := &headStdout{}
	h := &BaseCGIHandler{Environ: environ("REQUEST_METHOD", "HEAD"), Stdout: out}
	if got := runHandler(h, write("hello")); got.err != nil || out.fields != "Content-Length: 5\r\n\r\n" || out.String() != "" {
		t.Errorf("got %q %q, %v; want a head alone", out.fields, out.String(), got.err)
	}
}

// TestFirstBrokenRule: the first broken rule is reported, since later ones may follow from it.
func TestFirstBrokenRule(t *testing.T) {
	long := strings.Repeat("9", 1000)
	got := run("GET", then(ignoringStart(long), ignoringStart("")))
	if !strings.Contains(got.log, `"`+long[:64]+`"`) || got.out != errorPage500 {
		t.Errorf("got log %q; want the first status in it, cut to 64 bytes", got.log)
	}
}

// TestStdoutIsLeftAlone once it has failed.
func TestStdoutIsLeftAlone(t *testing.T) {
	out := &failingHead{}
	got := runHandler(&BaseCGIHandler{Stdout: out}, func(w ResponseWriter, r *Request) error {
		for range 3 {
			w.Write(make([]byte, 2*headBuffer))
			w.Flush()
			io.WriteString(w, "x")
			w.(io.ReaderFrom).ReadFrom(strings.NewReader("x"))
		}
		return nil
	})
	if out.calls != 1 || !errors.Is(got.err, errFull) {
		t.Errorf("got %d calls, %v; want one, and its error", out.calls, got.err)
	}
}

var errFull = errors.New("full")

// failingHead fails at once, by any of its methods.
type failingHead struct{ calls int }

func (s *failingHead) fail() error { s.calls++; return errFull }

func (s *failingHead) WriteHead(string, *headers.Headers) error { return s.fail() }
func (s *failingHead) Write([]byte) (int, error)                { return 0, s.fail() }
func (s *failingHead) Flush() error                             { return s.fail() }

func TestOriginServer(t *testing.T) {
	const date = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
	dated := start("200 OK", "Date", "Thu, 01 Jan 1970 00:00:00 GMT")
	for _, c := range []struct {
		name, method, protocol string
		handler                BaseCGIHandler
		app                    AppFunc
		want                   string
		broken                 bool
	}{
		{"known length", "GET", "HTTP/1.1", BaseCGIHandler{}, then(dated, write("hi")), "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 2\r\nConnection: close\r\n\r\nhi", false},
		{"chunked", "GET", "HTTP/1.1", BaseCGIHandler{}, then(dated, write("hi"), flush, write("there")), "HTTP/1.1 200 OK\r\n" + date + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nhi\r\n5\r\nthere\r\n0\r\n\r\n", false},
		{"chunks without an end", "GET", "HTTP/1.1", BaseCGIHandler{}, then(dated, write("hi"), flush, func(ResponseWriter, *Request) error { return ErrAbort }), "HTTP/1.1 200 OK\r\n" + date + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nhi\r\n", true},
		{"HTTP/1.0 client", "GET", "HTTP/1.0", BaseCGIHandler{}, then(dated, write("hi"), flush), "HTTP/1.1 200 OK\r\n" + date + "Connection: close\r\n\r\nhi", false},
		{"HTTP/1.0 server", "GET", "HTTP/1.1", BaseCGIHandler{HTTPVersion: "1.0"}, then(dated, flush, write("hi")), "HTTP/1.0 200 OK\r\n" + date + "Connection: close\r\n\r\nhi", false},
		{"HTTP/0.9 client gets no head", "GET", "http/0.9", BaseCGIHandler{}, then(dated, write("hi")), "hi", false},
		{"server field", "GET", "HTTP/1.1", BaseCGIHandler{ServerSoftware: "x/1"}, dated, "HTTP/1.1 200 OK\r\nServer: x/1\r\n" + date + "Content-Length: 0\r\nConnection: close\r\n\r\n", false},
		{"server field of the app's", "GET", "HTTP/1.1", BaseCGIHandler{ServerSoftware: "x/1"}, then(start("200 OK", "Server", "y"), dated), "HTTP/1.1 200 OK\r\nServer: y\r\n" + date + "Content-Length: 0\r\nConnection: close\r\n\r\n", false},
		{"HEAD of unknown length", "HEAD", "HTTP/1.1", BaseCGIHandler{}, then(dated, flush, write("x")), "HTTP/1.1 200 OK\r\n" + date + "Connection: close\r\n\r\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := c.handler
			h.OriginServer = true
			h.Environ = environ("REQUEST_METHOD", c.method, "SERVER_PROTOCOL", c.protocol)
			got := runHandler(&h, c.app)
			if got.out != c.want || c.broken != errors.Is(got.err, ErrBroken) {
				t.Errorf("got %q, %v; want %q", got.out, got.err, c.want)
			}
		})
	}
	got := runHandler(&BaseCGIHandler{OriginServer: true, Environ: environ("REQUEST_METHOD", "GET")}, write("x"))
	if !strings.Contains(got.out, "\r\nDate: ") || !strings.Contains(got.out, " GMT\r\n") {
		t.Errorf("no Date in %q", got.out)
	}
}

// widest records the longest Write.
type widest struct {
	bytes.Buffer
	most int
}

func (w *widest) Write(p []byte) (int, error) {
	w.most = max(w.most, len(p))
	return w.Buffer.Write(p)
}

// TestChunks: a client decodes the bytes that the App wrote, and a large Write needs no large
// buffer.
func TestChunks(t *testing.T) {
	large := strings.Repeat("0123456789", 100_000)
	for _, texts := range [][]string{{"a", large}, {large, "", "b", large}, {large[:maxChunk], large[:maxChunk+1]}} {
		out := &widest{}
		h := &BaseCGIHandler{OriginServer: true, Environ: environ("SERVER_PROTOCOL", "HTTP/1.1"), Stdout: out}
		if got := runHandler(h, write(texts...)); got.err != nil {
			t.Fatal(got.err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(&out.Buffer), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if want := strings.Join(texts, ""); string(body) != want || err != nil || out.Len() > 0 {
			t.Errorf("got %d bytes, %v, %d bytes behind them; want %d", len(body), err, out.Len(), len(want))
		}
		if out.most > maxChunk+headBuffer+bufferSize {
			t.Errorf("got a write of %d bytes", out.most)
		}
	}
}
