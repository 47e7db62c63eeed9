package gateway

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/util"
)

// show is an App that answers with the environ, one variable a line, a blank line and the body.
func show(w ResponseWriter, r *Request) error {
	for name, value := range r.Environ.All() {
		io.WriteString(w, name+"="+value+"\n")
	}
	io.WriteString(w, "\n")
	body, err := io.ReadAll(r.Stdin)
	if err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

func TestEnvironRules(t *testing.T) {
	const bad, large = "Status: 400 ", "Status: 413 "
	for _, c := range []struct {
		name    string
		environ []string
		handler BaseCGIHandler
		want    string // what show writes, or how the answer begins
	}{
		{"everything passes, in order", []string{"B", "1", "A", "2", "B", "3", "a b", "\x00\xff"}, BaseCGIHandler{}, "B=1\nA=2\nB=3\na b=\x00\xff\n\n"},
		{"HTTP_PROXY is dropped (C22)", []string{"HTTP_PROXY", "evil", "A", "1", "HTTP_PROXY", "evil"}, BaseCGIHandler{}, "A=1\n\n"},
		{"HTTP_CONTENT_* fold", []string{"HTTP_CONTENT_TYPE", "a/b", "HTTP_CONTENT_LENGTH", "3"}, BaseCGIHandler{}, "CONTENT_TYPE=a/b\nCONTENT_LENGTH=3\n\nabc"},
		{"HTTP_CONTENT_LENGTH alone folds", []string{"HTTP_CONTENT_LENGTH", "3"}, BaseCGIHandler{}, "CONTENT_LENGTH=3\n\nabc"},
		{"at MaxBodyBytes", []string{"CONTENT_LENGTH", "6"}, BaseCGIHandler{MaxBodyBytes: 6}, "CONTENT_LENGTH=6\n\nabcdef"},
		{"HTTP_CONTENT_* fold into empty ones", []string{"CONTENT_TYPE", "", "HTTP_CONTENT_TYPE", "a/b", "CONTENT_LENGTH", "", "HTTP_CONTENT_LENGTH", "2"}, BaseCGIHandler{}, "CONTENT_TYPE=a/b\nCONTENT_LENGTH=2\n\nab"},
		{"CONTENT_TYPE wins", []string{"CONTENT_TYPE", "a/b", "HTTP_CONTENT_TYPE", "c/d"}, BaseCGIHandler{}, "CONTENT_TYPE=a/b\n\n"},
		{"no CONTENT_LENGTH, no body", nil, BaseCGIHandler{}, "\n"},
		{"empty CONTENT_LENGTH, no body", []string{"CONTENT_LENGTH", ""}, BaseCGIHandler{}, "CONTENT_LENGTH=\n\n"},
		{"no more than CONTENT_LENGTH (A2)", []string{"CONTENT_LENGTH", "4"}, BaseCGIHandler{}, "CONTENT_LENGTH=4\n\nabcd"},
		{"same CONTENT_LENGTH twice", []string{"CONTENT_LENGTH", "4", "CONTENT_LENGTH", "4"}, BaseCGIHandler{}, "CONTENT_LENGTH=4\nCONTENT_LENGTH=4\n\nabcd"},
		{"CONTENT_LENGTH overridden by nothing", []string{"CONTENT_LENGTH", "4", "CONTENT_LENGTH", ""}, BaseCGIHandler{}, "CONTENT_LENGTH=4\nCONTENT_LENGTH=\n\n"},
		{"the same for a stream", []string{"CONTENT_LENGTH", "9", "CONTENT_LENGTH", ""}, BaseCGIHandler{StdinStream: true}, "CONTENT_LENGTH=9\nCONTENT_LENGTH=\n\nabcdef"},
		{"nothing overridden", []string{"CONTENT_LENGTH", "", "CONTENT_LENGTH", "4"}, BaseCGIHandler{}, "CONTENT_LENGTH=\nCONTENT_LENGTH=4\n\nabcd"},
		{"chunked by Apache's CGI", []string{"HTTP_TRANSFER_ENCODING", "Chunked"}, BaseCGIHandler{}, "HTTP_TRANSFER_ENCODING=Chunked\n\nabcdef"},
		{"stream without length (F27)", nil, BaseCGIHandler{StdinStream: true}, "\nabcdef"},
		{"stream with length (F26)", []string{"CONTENT_LENGTH", "2"}, BaseCGIHandler{StdinStream: true}, "CONTENT_LENGTH=2\n\nab"},
		{"stream with the largest bound", nil, BaseCGIHandler{StdinStream: true, MaxBodyBytes: math.MaxInt64}, "\nabcdef"},
		{"stream at the bound", nil, BaseCGIHandler{StdinStream: true, MaxBodyBytes: 6}, "\nabcdef"},

		{"sign (A9)", []string{"CONTENT_LENGTH", "+5"}, BaseCGIHandler{}, bad},
		{"negative", []string{"CONTENT_LENGTH", "-5"}, BaseCGIHandler{}, bad},
		{"space", []string{"CONTENT_LENGTH", " 5"}, BaseCGIHandler{}, bad},
		{"hex", []string{"CONTENT_LENGTH", "0x5"}, BaseCGIHandler{}, bad},
		{"underscore", []string{"CONTENT_LENGTH", "1_0"}, BaseCGIHandler{}, bad},
		{"overflow", []string{"CONTENT_LENGTH", "9223372036854775808"}, BaseCGIHandler{}, bad},
		{"different lengths", []string{"CONTENT_LENGTH", "4", "CONTENT_LENGTH", "5"}, BaseCGIHandler{}, bad},
		{"different lengths by name", []string{"CONTENT_LENGTH", "4", "HTTP_CONTENT_LENGTH", "5"}, BaseCGIHandler{}, bad},
		{"empty name (F11)", []string{"", "x"}, BaseCGIHandler{}, bad},
		{"over MaxBodyBytes", []string{"CONTENT_LENGTH", "7"}, BaseCGIHandler{MaxBodyBytes: 6}, large},
		{"stream over MaxBodyBytes", nil, BaseCGIHandler{StdinStream: true, MaxBodyBytes: 5}, large},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := c.handler
			h.Environ = environ(c.environ...)
			h.Stdin = strings.NewReader("abcdef")
			got := runHandler(&h, show)
			if got.err != nil {
				t.Fatal(got.err)
			}
			_, text, _ := strings.Cut(got.out, "\r\n\r\n")
			if text != c.want && !(strings.HasPrefix(c.want, "Status") && strings.HasPrefix(got.out, c.want)) {
				t.Errorf("got %q; want %q", got.out, c.want)
			}
			if refused := strings.HasPrefix(c.want, "Status"); refused != (strings.Count(got.log, "\n") == 1) {
				t.Errorf("got log %q; want one line only for a refused request", got.log)
			}
		})
	}
}

func TestBodyEndsEarly(t *testing.T) {
	var got error
	a := runHandler(&BaseCGIHandler{Environ: environ("CONTENT_LENGTH", "9"), Stdin: iotest.OneByteReader(strings.NewReader("abc"))}, func(w ResponseWriter, r *Request) error {
		_, got = io.ReadAll(r.Stdin)
		return nil
	})
	if got != io.ErrUnexpectedEOF || a.err != nil {
		t.Errorf("got %v, %v; want io.ErrUnexpectedEOF", got, a.err)
	}
}

// TestBodyTooLargeStays: after a BodyTooLargeError a further Read must not return io.EOF.
func TestBodyTooLargeStays(t *testing.T) {
	for _, content := range []string{"abcdef", "abcdefgh"} {
		h := &BaseCGIHandler{Stdin: iotest.HalfReader(strings.NewReader(content)), StdinStream: true, MaxBodyBytes: 5}
		runHandler(h, func(w ResponseWriter, r *Request) error {
			got, err := io.ReadAll(r.Stdin)
			_, again := r.Stdin.Read(make([]byte, 9))
			var first, second *BodyTooLargeError
			if string(got) != "abcde" || !errors.As(err, &first) || !errors.As(again, &second) || second.Limit != 5 {
				t.Errorf("got %q, %v, then %v; want abcde and the error twice", got, err, again)
			}
			return nil
		})
	}
}

// TestBodyDoesNotReadOn: a CGI program's stdin may stay open after the body, so the end must be
// detected without a read.
func TestBodyDoesNotReadOn(t *testing.T) {
	in := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(errors.New("read behind the body")))
	a := runHandler(&BaseCGIHandler{Environ: environ("CONTENT_LENGTH", "3"), Stdin: in}, show)
	if !strings.HasSuffix(a.out, "\n\nabc") {
		t.Errorf("got %q", a.out)
	}
}

// TestBodyEndsAtOnce: io.EOF is returned with the last byte, so that a decoder which stops there
// gets it.
func TestBodyEndsAtOnce(t *testing.T) {
	h := &BaseCGIHandler{Environ: environ("CONTENT_LENGTH", "3"), Stdin: strings.NewReader("abcdef")}
	runHandler(h, func(w ResponseWriter, r *Request) error {
		if n, err := r.Stdin.Read(make([]byte, 9)); n != 3 || err != io.EOF {
			t.Errorf("got %d, %v; want 3, EOF", n, err)
		}
		if n, err := r.Stdin.Read(nil); n != 0 || err != nil {
			t.Errorf("reading nothing: got %d, %v", n, err)
		}
		return nil
	})
}

// blockedReader stops each Read until told to go on.
type blockedReader struct{ entered, leave chan struct{} }

func (r *blockedReader) Read(p []byte) (int, error) {
	r.entered <- struct{}{}
	<-r.leave
	return len(p), nil
}

// TestBodyAfterReturn: a Read that is pending when the App returns fails. A later one does not
// reach the transport, which may then read itself.
func TestBodyAfterReturn(t *testing.T) {
	in := &blockedReader{make(chan struct{}), make(chan struct{})}
	result := make(chan error)
	runHandler(&BaseCGIHandler{Stdin: in, StdinStream: true}, func(w ResponseWriter, r *Request) error {
		go func() {
			for range 2 {
				_, err := r.Stdin.Read(make([]byte, 1))
				result <- err
			}
		}()
		<-in.entered
		return nil
	})
	in.leave <- struct{}{}
	for _, when := range []string{"under way", "later"} {
		if err := <-result; err != ErrFinished {
			t.Errorf("a Read %s: got %v; want ErrFinished", when, err)
		}
	}
}

func TestRequestFields(t *testing.T) {
	h := &BaseCGIHandler{Environ: environ("HTTPS", "on"), Multithread: true, RunOnce: true}
	a := runHandler(h, func(w ResponseWriter, r *Request) error {
		if r.Scheme != "https" || !r.Multithread || r.Multiprocess || !r.RunOnce || r.Environ != h.Environ {
			t.Errorf("got %+v", r)
		}
		io.WriteString(r.Stderr, "noted\n")
		return nil
	})
	if a.log != "noted\n" {
		t.Errorf("got log %q", a.log)
	}
	runHandler(&BaseCGIHandler{Scheme: "https", Multiprocess: true}, func(w ResponseWriter, r *Request) error {
		if r.Scheme != "https" || r.Environ == nil || !r.Multiprocess || r.Multithread || r.RunOnce {
			t.Errorf("got %+v", r)
		}
		return nil
	})
}

// TestServerSoftware: only an origin server sets its name, and only if it is not set.
func TestServerSoftware(t *testing.T) {
	for _, c := range []struct {
		origin bool
		sent   []string
		want   string
	}{
		{true, nil, "SERVER_SOFTWARE=x/1\n\n"},
		{true, []string{"SERVER_SOFTWARE", ""}, "SERVER_SOFTWARE=x/1\n\n"},
		{true, []string{"SERVER_SOFTWARE", "nginx"}, "SERVER_SOFTWARE=nginx\n\n"},
		{false, nil, "\n"},
	} {
		got := runHandler(&BaseCGIHandler{Environ: environ(c.sent...), OriginServer: c.origin, ServerSoftware: "x/1"}, show)
		if _, text, _ := strings.Cut(got.out, "\r\n\r\n"); text != c.want {
			t.Errorf("origin server %v, sent %q: got %q; want %q", c.origin, c.sent, text, c.want)
		}
	}
}

// TestZeroHandler: an App gets defaults for fields that are not set.
func TestZeroHandler(t *testing.T) {
	h := &BaseCGIHandler{Stdout: io.Discard}
	err := h.Run(context.Background(), AppFunc(func(w ResponseWriter, r *Request) error {
		if n, err := r.Stdin.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("Stdin: got %d, %v; want EOF", n, err)
		}
		if r.Stderr != io.Writer(os.Stderr) || r.Environ.Len() != 0 || r.Scheme != "http" {
			t.Errorf("got Stderr %v, environ %v, scheme %q", r.Stderr, r.Environ, r.Scheme)
		}
		return nil
	}))
	if err != nil {
		t.Error(err)
	}
}

type key struct{}

func TestContext(t *testing.T) {
	parent, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, "v"))
	h := &BaseCGIHandler{Stdout: io.Discard}
	gone := errors.New("gone")
	err := h.Run(parent, AppFunc(func(w ResponseWriter, r *Request) error {
		ctx := r.Context()
		if ctx.Value(key{}) != "v" || ctx.Err() != nil {
			t.Errorf("got value %v, error %v", ctx.Value(key{}), ctx.Err())
		}
		child, stop := context.WithCancel(ctx)
		defer stop()
		cancel(gone)
		<-child.Done()
		if context.Cause(child) != gone {
			t.Errorf("got cause %v; want the parent's", context.Cause(child))
		}
		return r.Context().Err()
	}))
	if err != nil { // an error page went out: the head was not committed
		t.Errorf("got %v", err)
	}
}

// doneContext records whether Done was called.
type doneContext struct {
	context.Context
	asked bool
}

func (c *doneContext) Done() <-chan struct{} { c.asked = true; return c.Context.Done() }

// TestContextIsLazy: package cgi catches SIGTERM when Done is called, and not before.
func TestContextIsLazy(t *testing.T) {
	parent := &doneContext{Context: context.Background()}
	h := &BaseCGIHandler{Stdout: io.Discard}
	h.Run(parent, AppFunc(func(w ResponseWriter, r *Request) error { return r.Context().Err() }))
	if parent.asked {
		t.Error("Run asked for Done although the app did not")
	}
	h.Run(parent, AppFunc(func(w ResponseWriter, r *Request) error { r.Context().Done(); return nil }))
	if !parent.asked {
		t.Error("the app's Done did not reach the parent")
	}
}

// TestContextErrStays: the error of a context does not change, whatever ended it first, and whether
// Done was called or not.
func TestContextErrStays(t *testing.T) {
	for _, ask := range []bool{false, true} {
		late, cancelLate := context.WithCancel(context.Background())
		defer cancelLate()
		past, cancelPast := context.WithTimeout(context.Background(), -1)
		defer cancelPast()
		for _, c := range []struct {
			parent context.Context
			want   error
		}{{late, context.Canceled}, {past, context.DeadlineExceeded}} {
			var ctx context.Context
			(&BaseCGIHandler{Stdout: io.Discard}).Run(c.parent, AppFunc(func(w ResponseWriter, r *Request) error {
				if ctx = r.Context(); ask {
					ctx.Done()
				}
				return nil
			}))
			cancelLate()
			if got := ctx.Err(); got != c.want {
				t.Errorf("Done asked for %v: got %v; want %v", ask, got, c.want)
			}
			select {
			case <-ctx.Done():
			default:
				t.Error("Done is open after the App returned")
			}
			if got := ctx.Err(); got != c.want {
				t.Errorf("Done asked for %v, after Done: got %v; want %v", ask, got, c.want)
			}
		}
	}
}

// TestContextCostsNoGoroutine: package context links children to it without a goroutine.
func TestContextCostsNoGoroutine(t *testing.T) {
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	(&BaseCGIHandler{Stdout: io.Discard}).Run(parent, AppFunc(func(w ResponseWriter, r *Request) error {
		ctx, before := r.Context(), runtime.NumGoroutine()
		for range 10 {
			child, stop := context.WithCancel(ctx)
			defer stop()
			if child.Err() != nil || ctx.Done() != r.Context().Done() {
				t.Error("a context that changes")
			}
		}
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("10 children cost %d goroutines", n-before)
		}
		return nil
	}))
}

func TestWithContext(t *testing.T) {
	r := &Request{Environ: util.NewEnviron()}
	if r.Context() != context.Background() {
		t.Error("the zero Request has no background context")
	}
	ctx := context.WithValue(context.Background(), key{}, 1)
	if c := r.WithContext(ctx); c.Context() != ctx || c == r || r.Context() == ctx {
		t.Error("WithContext is no copy with the context")
	}
}

// warner is a Stderr with a separate log for warnings of the gateway.
type warner struct{ strings.Builder }

func (w *warner) Warn(text string) { w.WriteString("warned: " + text) }

// TestWarn: a log can separate the gateway's warnings from the application's error stream.
func TestWarn(t *testing.T) {
	e := environ("REQUEST_METHOD", "GET", "REQUEST_URI", "/a b")
	line, own := new(strings.Builder), new(warner)
	(&Request{Environ: e, Stderr: line}).Warn("cut\noff")
	(&Request{Environ: e, Stderr: own}).Warn("cut off")
	if got := line.String(); got != "\"GET\" \"/a b\": cut off\n" {
		t.Errorf("got %q; want a line about the request", got)
	}
	if got := own.String(); got != "warned: cut off" {
		t.Errorf("got %q; want the text alone", got)
	}
}
