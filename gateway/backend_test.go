package gateway

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/headers"
)

// backendFunc is a function that implements Backend.
type backendFunc func(r *Request) (*Response, error)

func (f backendFunc) RoundTrip(r *Request) (*Response, error) { return f(r) }

// replies is a Backend that always sends the same bytes.
func replies(stdout string) Backend {
	return backendFunc(func(r *Request) (*Response, error) {
		return ReadResponse(io.NopCloser(strings.NewReader(stdout)), 0)
	})
}

func TestForward(t *testing.T) {
	for _, c := range []struct{ name, backend, want string }{
		{"as it is", "Status: 404 Gone Fishing\r\nb: 1\r\nA: 2\r\nContent-Length: 2\r\n\r\nhi", "Status: 404 Gone Fishing\r\nb: 1\r\nA: 2\r\nContent-Length: 2\r\n\r\nhi"},
		{"no status", "Content-Type: a/b\n\nhi", "Status: 200 OK\r\nContent-Type: a/b\r\n\r\nhi"},
		{"no reason", "Status: 404\n\n", "Status: 404 \r\n\r\n"},
		{"redirect (C34)", "Location: http://x/\n\n", "Status: 302 Found\r\nLocation: http://x/\r\n\r\n"},
		{"hop-by-hop fields go (C39)", "Status: 200 OK\nConnection: close\nKeep-Alive: 5\nA: b\nContent-Length: 0\n\n", "Status: 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n"},
		{"redirect without a target (C38)", "Location:\nContent-Type: a/b\n\n", "Status: 200 OK\r\nContent-Type: a/b\r\n\r\n"},
		{"cookies in order", "Status: 200 OK\nSet-Cookie: b=1\nset-cookie: a=2\nContent-Length: 0\n\n", "Status: 200 OK\r\nSet-Cookie: b=1\r\nset-cookie: a=2\r\nContent-Length: 0\r\n\r\n"},
		{"204 with a body", "Status: 204 None\nContent-Length: 2\n\nhi", "Status: 204 None\r\n\r\n"},
		{"205 with a body", "Status: 205 Reset\nContent-Length: 2\n\nhi", "Status: 205 Reset\r\n\r\n"},
		{"fields of the connection", "Status: 200 OK\nContent-Type: a/b\nConnection: close, X-Hop\nX-HOP: 1\nX-Kept: 1\nconnection:\tx-next ,, content-type\n" +
			"X-Next: 1\nX-Next: 2\nConnection: \n\n", "Status: 200 OK\r\nContent-Type: a/b\r\nX-Kept: 1\r\n\r\n"},
		{"304 with a length", "Status: 304 Same\nContent-Length: 2\nETag: x\n\n", "Status: 304 Same\r\nETag: x\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run("GET", Forward(replies(c.backend)).ServeGateway)
			if got.out != c.want || got.err != nil {
				t.Errorf("got %q, %v; want %q", got.out, got.err, c.want)
			}
		})
	}
}

// TestForwardCloses: Forward closes the body after success and after failure.
func TestForwardCloses(t *testing.T) {
	for _, c := range []struct {
		name   string
		head   *headers.Headers
		stdout io.Writer
	}{
		{"whole", headers.New(), nil},
		{"refused head", headers.New(headers.Field{Name: "Content-Length", Value: "x"}), nil},
		{"client gone", headers.New(), &failingWriter{err: syscall.EPIPE}},
	} {
		body := &closable{Reader: strings.NewReader("abc")}
		b := backendFunc(func(*Request) (*Response, error) {
			return &Response{Status: "200 OK", Headers: c.head, Body: body}, nil
		})
		if runHandler(&BaseCGIHandler{Stdout: c.stdout}, Forward(b).ServeGateway); !body.closed {
			t.Errorf("%s: the body was left open", c.name)
		}
	}
}

// TestForwardHead: the response to a HEAD keeps its declared length, whatever body the backend
// sends.
func TestForwardHead(t *testing.T) {
	for _, body := range []string{"", "a", "0123456789", "0123456789ab"} {
		got := run("HEAD", Forward(replies("Status: 200\nContent-Length: 10\n\n"+body)).ServeGateway)
		if got.out != "Status: 200 \r\nContent-Length: 10\r\n\r\n" || got.err != nil {
			t.Errorf("body %q: got %q, %v", body, got.out, got.err)
		}
	}
}

// TestForwardDelegates: if the head names a file for the web server in front, its Content-Length is
// that of the file, and no other field is required. nginx 1.22 accepts both.
func TestForwardDelegates(t *testing.T) {
	for _, c := range []struct{ backend, want string }{
		{"X-Accel-Redirect: /p/a\n\n", "Status: 200 OK\r\nX-Accel-Redirect: /p/a\r\n\r\n"},
		{"X-Sendfile: /p/a\nContent-Length: 100\n\nab", "Status: 200 OK\r\nX-Sendfile: /p/a\r\n\r\nab"},
		{"Status: 403\nContent-Length: 1\nX-LIGHTTPD-send-file: /p/a\n\nab", "Status: 403 \r\nX-LIGHTTPD-send-file: /p/a\r\n\r\nab"},
	} {
		if got := run("GET", Forward(replies(c.backend)).ServeGateway); got.out != c.want || got.err != nil {
			t.Errorf("%q: got %q, %v; want %q", c.backend, got.out, got.err, c.want)
		}
	}
	got := run("GET", Forward(replies("X-Accel-Redirect:\n\nab")).ServeGateway)
	if !strings.HasPrefix(got.out, "Status: 502 ") {
		t.Errorf("a field without a value: got %q; want 502", got.out)
	}
}

// TestForwardCuts: bytes after the declared length are cut off (C40), and the log has one line
// about it.
func TestForwardCuts(t *testing.T) {
	// in the head's buffer, in the first block, in the second
	for _, length := range []int{0, 1, 5000, 40_000} {
		head := fmt.Sprintf("Content-Length: %d\r\n\r\n", length)
		whole := strings.Repeat("a", length)
		got := run("GET", Forward(replies("Status: 200 OK\r\n"+head+whole+strings.Repeat("b", 100_000))).ServeGateway)
		if got.out != "Status: 200 OK\r\n"+head+whole || got.err != nil || strings.Count(got.log, "\n") != 1 {
			t.Errorf("%d bytes: got %d bytes, %v, log %q", length, len(got.out), got.err, got.log)
		}
	}
}

// TestForwardRefuses: for a fault of the backend, the status blames the backend and not the
// gateway.
func TestForwardRefuses(t *testing.T) {
	for _, c := range []struct{ name, backend string }{
		{"less than declared (C40)", "Status: 200\nContent-Length: 3\n\nab"},
		{"two lengths (C40)", "Status: 200\nContent-Length: 2\nContent-Length: 3\n\nab"},
		{"a coding of the body (C39, CVE-2023-27522, CVE-2026-63718)", "Status: 200\nTransfer-Encoding: chunked\n\n2\r\nab\r\n0\r\n\r\n"},
		{"no field of CGI (C30, C43)", "X-Powered-By: hope\nSet-Cookie: a=1\n\nab"},
		{"length that is none", "Status: 200\nContent-Length: 2x\n\nab"},
		{"interim response (A13)", "Status: 103 Early Hints\nLink: x\n\n"},
		{"interim response alone", "HTTP/1.1 100 Continue\n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run("GET", Forward(replies(c.backend)).ServeGateway)
			if !strings.HasPrefix(got.out, "Status: 502 Bad Gateway\r\n") || got.err != nil || strings.Count(got.log, "\n") != 1 {
				t.Errorf("got %q, %v, log %q; want a 502 and one line", got.out, got.err, got.log)
			}
		})
	}
	interim := backendFunc(func(*Request) (*Response, error) {
		return &Response{Status: "101 Switching Protocols", Headers: headers.New(), Body: io.NopCloser(strings.NewReader(""))}, nil
	})
	if got := run("GET", Forward(interim).ServeGateway); !strings.HasPrefix(got.out, "Status: 502 ") {
		t.Errorf("a Backend's own interim response: got %q", got.out)
	}
	got := run("GET", Forward(replies("Status: 200\nContent-Length: 9000\n\n"+strings.Repeat("x", 5000))).ServeGateway)
	if !errors.Is(got.err, ErrBroken) || !errors.Is(got.err, ErrContentLength) {
		t.Errorf("less than declared, late: got %v; want ErrBroken", got.err)
	}
}

func TestForwardFailures(t *testing.T) {
	fail := func(err error) Backend {
		return backendFunc(func(*Request) (*Response, error) { return nil, err })
	}
	got := run("GET", Forward(fail(&BackendError{Status: 503, Reason: "no room"})).ServeGateway)
	if !strings.HasPrefix(got.out, "Status: 503 Service Unavailable\r\n") || !strings.HasSuffix(got.out, "\r\n\r\nNo room.\n") {
		t.Errorf("got %q", got.out)
	}
	// a decoder wraps io.EOF if the input ended too early
	for _, cause := range []error{nil, io.EOF, io.ErrUnexpectedEOF} {
		brokenOff := backendFunc(func(*Request) (*Response, error) {
			body := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(&BackendError{Status: 502, Reason: "broke off", Err: cause}))
			return &Response{Status: "200 OK", Headers: headers.New(), Body: io.NopCloser(body)}, nil
		})
		got = run("GET", Forward(brokenOff).ServeGateway)
		if !errors.Is(got.err, ErrBroken) || got.out != "Status: 200 OK\r\n\r\nabc" {
			t.Errorf("because of %v: got %q, %v; want a broken response (F40)", cause, got.out, got.err)
		}
	}
	stuck := backendFunc(func(*Request) (*Response, error) {
		return &Response{Status: "200 OK", Headers: headers.New(), Body: io.NopCloser(stuckReader{})}, nil
	})
	if got = run("GET", Forward(stuck).ServeGateway); !errors.Is(got.err, io.ErrNoProgress) {
		t.Errorf("got %v; want io.ErrNoProgress", got.err)
	}
}

// stuckReader returns neither bytes nor an error.
type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }

// TestForwardFlushes: each piece that a backend sends reaches the client before the next one.
func TestForwardFlushes(t *testing.T) {
	out := &headStdout{}
	stream := backendFunc(func(*Request) (*Response, error) {
		body := iotest.OneByteReader(strings.NewReader("abc"))
		return &Response{Status: "200 OK", Headers: headers.New(), Body: io.NopCloser(body)}, nil
	})
	h := &BaseCGIHandler{Stdout: out}
	runHandler(h, Forward(stream).ServeGateway)
	if out.flushes != 4 || out.String() != "abc" {
		t.Errorf("got %q in %d flushes; want 4, the first for the head", out.String(), out.flushes)
	}
	out = &headStdout{}
	runHandler(&BaseCGIHandler{Stdout: out}, Forward(replies("Status: 200\n\nabc")).ServeGateway)
	if out.flushes != 1 || out.String() != "abc" {
		t.Errorf("got %q in %d flushes; want one, as the body came with the head", out.String(), out.flushes)
	}
}

// arrivedBody returns its pieces one by one. Buffered has the length of the next one if that has
// arrived.
type arrivedBody struct {
	pieces  []string
	arrived []bool
	sizes   []int // of the memory that each Read got
}

func (b *arrivedBody) Buffered() int {
	if len(b.pieces) == 0 || !b.arrived[0] {
		return 0
	}
	return len(b.pieces[0])
}

func (b *arrivedBody) Read(p []byte) (int, error) {
	if len(b.pieces) == 0 {
		return 0, io.EOF
	}
	b.sizes = append(b.sizes, len(p))
	n := copy(p, b.pieces[0])
	b.pieces, b.arrived = b.pieces[1:], b.arrived[1:]
	return n, nil
}

// TestForwardFlushesBeforeWaiting: a piece is flushed unless the next one has arrived. Pieces that
// have arrived are read into more memory than pieces that are waited for.
func TestForwardFlushesBeforeWaiting(t *testing.T) {
	out := &headStdout{}
	body := &arrivedBody{pieces: []string{"a", "b", "c", "d", "e"}, arrived: []bool{false, true, true, false, true}}
	ready := backendFunc(func(*Request) (*Response, error) {
		return &Response{Status: "200 OK", Headers: headers.New(), Body: struct {
			*arrivedBody
			io.Closer
		}{body, io.NopCloser(nil)}}, nil
	})
	runHandler(&BaseCGIHandler{Stdout: out}, Forward(ready).ServeGateway)
	if out.flushes != 3 || out.String() != "abcde" {
		t.Errorf("got %q in %d flushes; want 3: for the head, after c, after e", out.String(), out.flushes)
	}
	const small = 32 << 10
	if want := []int{small, largeBlock, largeBlock, small, largeBlock}; !slices.Equal(body.sizes, want) {
		t.Errorf("read into %d bytes; want %d", body.sizes, want)
	}
}

// TestForwardFlushesHead: the head of a response without a body is sent at once, whatever its
// Content-Length, even if the backend continues. nginx 1.22 does the same for HEAD.
func TestForwardFlushesHead(t *testing.T) {
	for _, c := range []struct{ method, status string }{
		{"HEAD", "200 OK"}, {"GET", "204 No Content"}, {"GET", "304 Not Modified"}, {"POST", "204 No Content"},
	} {
		t.Run(c.method+" "+c.status, func(t *testing.T) {
			out := &headStdout{}
			atRead := -1 // number of flushes at the first Read of the rest
			b := backendFunc(func(*Request) (*Response, error) {
				length := headers.New(headers.Field{Name: "Content-Length", Value: "5"})
				body := readNoting(func() { atRead = max(atRead, out.flushes) })
				return &Response{Status: c.status, Headers: length, Body: io.NopCloser(body)}, nil
			})
			runHandler(&BaseCGIHandler{Environ: environ("REQUEST_METHOD", c.method), Stdout: out}, Forward(b).ServeGateway)
			if atRead != 1 || out.Len() != 0 {
				t.Errorf("got %d flushes before the body was read, and the body %q; want 1, for the head", atRead, out.String())
			}
		})
	}
}

// readNoting is an empty body; the function is called by Read.
type readNoting func()

func (f readNoting) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

func TestBackendErrorTexts(t *testing.T) {
	inner := errors.New("dial: refused")
	err := &BackendError{Status: 502, Reason: "no answer", Err: inner}
	if err.Error() != "gateway: backend: no answer: dial: refused" || !errors.Is(err, inner) {
		t.Errorf("got %q", err.Error())
	}
	for _, c := range []struct{ reason, want string }{{"", "Bad Gateway.\n"}, {"x", "X.\n"}, {"été", "Été.\n"}} {
		if status, text := (&BackendError{Status: 200, Reason: c.reason}).publicPage(); status != "502 Bad Gateway" || text != c.want {
			t.Errorf("got %q, %q; want %q", status, text, c.want)
		}
	}
}

// TestErrorPage: ErrorPage returns the answer that the client gets.
func TestErrorPage(t *testing.T) {
	for _, err := range []error{
		errors.New("any"), ErrLengthRequired, &RequestError{}, &BodyTooLargeError{}, &BackendError{Status: 503, Reason: "no room"},
	} {
		status, text := ErrorPage(err)
		got := run("GET", func(ResponseWriter, *Request) error { return err })
		if !strings.HasPrefix(got.out, "Status: "+status+"\r\n") || !strings.HasSuffix(got.out, "\r\n\r\n"+text) {
			t.Errorf("%v: got %q, %q; the answer is %q", err, status, text, got.out)
		}
	}
}

// TestForwardStdin: Stdin tells a Backend whether there is a body, and ContentLength how long it
// is.
func TestForwardStdin(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler BaseCGIHandler
		length  int64
	}{
		{"no length", BaseCGIHandler{Environ: environ()}, 0},
		{"length 0", BaseCGIHandler{Environ: environ("CONTENT_LENGTH", "0")}, 0},
		{"length 3", BaseCGIHandler{Environ: environ("CONTENT_LENGTH", "3")}, 3},
		{"stream", BaseCGIHandler{StdinStream: true}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := backendFunc(func(r *Request) (*Response, error) {
				if none := r.Stdin == NoBody; none != (c.length == 0) || r.ContentLength != c.length {
					t.Errorf("got NoBody: %v, ContentLength %d; want %d", none, r.ContentLength, c.length)
				}
				return nil, ErrAbort
			})
			c.handler.Stdin = strings.NewReader("abc")
			runHandler(&c.handler, Forward(b).ServeGateway)
		})
	}
}
