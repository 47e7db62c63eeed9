package validate_test

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/validate"
)

// page is the result of one request to a handler of net/http's server.
type page struct {
	code       int
	header     http.Header
	body       string
	err        error
	violations []string
}

// visit sends a request to a server with the handler h.
func visit(t *testing.T, h http.HandlerFunc, keepGoing bool, method, body string) page {
	t.Helper()
	var mu sync.Mutex
	var violations []string
	s := httptest.NewUnstartedServer(validate.Handler(h, &validate.Options{KeepGoing: keepGoing, Report: func(v *validate.Violation) {
		mu.Lock()
		defer mu.Unlock()
		violations = append(violations, strings.TrimSpace(v.Rule.ID+" "+v.Value))
	}}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // net/http also logs these faults
	s.Start()
	defer s.Close()
	request, err := http.NewRequest(method, s.URL+"/x?y", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got := fetch(s.Client(), request)
	s.Close() // waits for the handler
	mu.Lock()
	defer mu.Unlock()
	got.violations = violations
	return got
}

// fetch makes one request and follows no redirect.
func fetch(client *http.Client, request *http.Request) page {
	resp, err := client.Transport.RoundTrip(request)
	if err != nil {
		return page{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return page{code: resp.StatusCode, header: resp.Header, body: string(text), err: err}
}

func header(w http.ResponseWriter, name, value string) http.ResponseWriter {
	w.Header()[name] = append(w.Header()[name], value)
	return w
}

// handlerTests are the rules as a handler breaks them, and what it may do.
var handlerTests = []struct {
	name    string
	method  string
	body    string
	handler http.HandlerFunc
	want    string // the violation; "" for none
	fails   string // "page" or "broken"; "" for neither
}{
	{name: "nothing", handler: func(http.ResponseWriter, *http.Request) {}},
	{name: "no Content-Type", handler: func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }},
	{name: "redirect", handler: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/y", http.StatusFound) }},
	{name: "not modified", handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) }},
	{name: "body", method: "POST", body: "abc", handler: func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }},
	{name: "trailer", handler: func(w http.ResponseWriter, r *http.Request) { header(w, http.TrailerPrefix+"X", "1") }},
	{name: "status", handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(99) }, want: "response.status 99", fails: "page"},
	{name: "status class", handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(600) }, want: "response.status-class 600"},
	{name: "interim", handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103) }, want: "response.interim 103"},
	{name: "second status", handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); w.WriteHeader(404) },
		want: "response.start-after-head 404", fails: "broken"},
	{name: "field name", handler: func(w http.ResponseWriter, r *http.Request) { header(w, "X Y", "1") }, want: "response.field X Y", fails: "page"},
	{name: "field value", handler: func(w http.ResponseWriter, r *http.Request) { header(w, "X", "a\nb").Write(nil) },
		want: "response.field X: a\nb", fails: "page"},
	{name: "odd value", handler: func(w http.ResponseWriter, r *http.Request) { header(w, "X", "\xff") }, want: "response.field-value X: \xff"},
	{name: "Status", handler: func(w http.ResponseWriter, r *http.Request) { header(w, "Status", "200") }, want: "response.status-field 200", fails: "page"},
	{name: "hop by hop", handler: func(w http.ResponseWriter, r *http.Request) { header(w, "Connection", "close") },
		want: "response.hop-by-hop Connection", fails: "page"},
	{name: "two types", handler: func(w http.ResponseWriter, r *http.Request) {
		header(header(w, "Content-Type", "a/b"), "Content-Type", "c/d")
	},
		want: "response.repeated-field c/d", fails: "page"},
	{name: "204 with type", handler: func(w http.ResponseWriter, r *http.Request) { header(w, "Content-Type", "a/b").WriteHeader(204) },
		want: "response.entity-field 204", fails: "page"},
	{name: "204 with body", handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204); io.WriteString(w, "x") },
		want: "response.body-not-allowed 204", fails: "broken"},
	{name: "odd length", handler: func(w http.ResponseWriter, r *http.Request) { header(w, "Content-Length", "x") },
		want: "response.content-length x", fails: "page"},
	{name: "too long", handler: func(w http.ResponseWriter, r *http.Request) {
		header(w, "Content-Length", "1")
		io.WriteString(w, "ab")
	},
		want: "response.length-mismatch more than the declared 1", fails: "broken"},
	{name: "too long from a reader", handler: func(w http.ResponseWriter, r *http.Request) {
		header(w, "Content-Length", "1")
		io.Copy(w, onlyReader{strings.NewReader("ab")})
	}, want: "response.length-mismatch more than the declared 1", fails: "broken"},
	{name: "too short", handler: func(w http.ResponseWriter, r *http.Request) { header(w, "Content-Length", "2"); w.Write([]byte("a")) },
		want: "response.length-mismatch 1 of the declared 2", fails: "broken"},
	{name: "nothing of a length", handler: func(w http.ResponseWriter, r *http.Request) { header(w, "Content-Length", "2") },
		want: "response.length-mismatch 0 of the declared 2", fails: "page"},
	{name: "HEAD", method: "HEAD", handler: func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }, want: "response.head-body"},
	{name: "HEAD from a reader", method: "HEAD", handler: func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, onlyReader{strings.NewReader("x")})
	}, want: "response.head-body"},
	{name: "read past the end", method: "POST", body: "abc", handler: func(w http.ResponseWriter, r *http.Request) {
		io.ReadAll(r.Body)
		io.ReadAll(r.Body)
	}, want: "stdin.past-end"},
	{name: "method", method: "PURGE", handler: func(http.ResponseWriter, *http.Request) {}, want: "environ.unusual-method PURGE"},
}

func TestHandler(t *testing.T) {
	for _, test := range handlerTests {
		t.Run(test.name, func(t *testing.T) {
			p := visit(t, test.handler, false, test.method, test.body)
			if got := strings.Join(p.violations, "; "); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
			fails := ""
			switch {
			case p.err != nil:
				fails = "broken"
			case p.code == 500:
				fails = "page"
			}
			if fails != test.fails {
				t.Errorf("got %d, %q, %v; want the failure %q", p.code, p.body, p.err, test.fails)
			}
			if _, ok := p.header["Status"]; ok && fails == "page" {
				t.Errorf("got the handler's fields with the error page: %v", p.header)
			}
		})
	}
}

// TestHandlerKeepsGoing: faults of a handler reach net/http as without the checks. net/http itself
// panics at some codes.
func TestHandlerKeepsGoing(t *testing.T) {
	for _, test := range handlerTests {
		if test.name == "status" {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			p := visit(t, test.handler, true, test.method, test.body)
			if got := strings.Join(p.violations, "; "); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
			s := httptest.NewUnstartedServer(test.handler)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.Start()
			defer s.Close()
			request, _ := http.NewRequest(test.method, s.URL+"/x?y", strings.NewReader(test.body))
			if without := fetch(s.Client(), request); p.code != without.code || p.body != without.body || (p.err == nil) != (without.err == nil) {
				t.Errorf("got %d, %q, %v; without the validator %d, %q, %v", p.code, p.body, p.err, without.code, without.body, without.err)
			}
		})
	}
}

func TestHandlerRefusesNil(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a nil Handler was taken")
		}
	}()
	validate.Handler(nil, nil)
}

// TestHandlerRequest: the parts of a request on which handlers rely are checked.
func TestHandlerRequest(t *testing.T) {
	tests := []struct {
		name   string
		change func(r *http.Request)
		want   string
	}{
		{"whole", func(r *http.Request) {}, ""},
		{"without path", func(r *http.Request) { r.RequestURI, r.URL.Path = "*", "*"; r.Method = "OPTIONS" }, ""},
		{"stripped", func(r *http.Request) { r.URL.Path = "/rest" }, ""},
		{"no URL", func(r *http.Request) { r.URL = nil }, "request.incomplete"},
		{"no Header", func(r *http.Request) { r.Header = nil }, "request.incomplete"},
		{"no Body", func(r *http.Request) { r.Body = nil }, "request.incomplete"},
		{"NUL in the path", func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/\x00", "" }, "environ.value"},
		{"method", func(r *http.Request) { r.Method = "GET /" }, "environ.request-method"},
		{"host", func(r *http.Request) { r.Host = "a b" }, "environ.http-host"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			h := validate.Handler(http.NotFoundHandler(), &validate.Options{Report: func(v *validate.Violation) { got = append(got, v.Rule.ID) }})
			r := httptest.NewRequest("GET", "/x?y", nil)
			test.change(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if test.want == "" && len(got) > 0 || test.want != "" && !slices.Contains(got, test.want) {
				t.Errorf("got %q; want %q", got, test.want)
			}
		})
	}
}

// TestHandlerUnderNew: a handler that runs as an App is checked by the environ of its gateway,
// which answers after a failure.
func TestHandlerUnderNew(t *testing.T) {
	h := validate.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { header(w, "Status", "1") }), nil)
	var out, stderr bytes.Buffer
	e := environ(nginx...)
	e.Del("QUERY_STRING")
	run := gateway.BaseCGIHandler{Environ: e, Stdout: &out, Stderr: &stderr}
	if err := run.Run(t.Context(), httpapp.New(h)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "Status: 500 ") {
		t.Errorf("got %q; want the error page", out.String())
	}
	for _, want := range []string{"environ.query-string-missing", "response.status-field"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("got %q on the error stream; want %s", stderr.String(), want)
		}
	}
}

// TestHandlerController: http.ResponseController works as with net/http, and a hijacked connection
// is not checked.
func TestHandlerController(t *testing.T) {
	p := visit(t, func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if err := errors.Join(c.EnableFullDuplex(), c.Flush()); err != nil {
			t.Error(err)
		}
		w.(http.Flusher).Flush()
		conn, buffered, err := c.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		buffered.WriteString("5\r\nhello\r\n0\r\n\r\n")
		buffered.Flush()
		if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrHijacked) {
			t.Errorf("got %v; want ErrHijacked", err)
		}
	}, false, "GET", "")
	if len(p.violations) > 0 || p.body != "hello" || p.err != nil {
		t.Errorf("got %q, %q, %v", p.violations, p.body, p.err)
	}
}

// TestHandlerHijacks: the fields of a hijacked connection are not checked.
func TestHandlerHijacks(t *testing.T) {
	p := visit(t, func(w http.ResponseWriter, r *http.Request) {
		header(w, "Connection", "Upgrade")
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		buffered.Flush()
	}, false, "GET", "")
	if len(p.violations) > 0 || p.body != "hello" || p.err != nil {
		t.Errorf("got %q, %q, %v", p.violations, p.body, p.err)
	}
}

// TestHandlerBody: http.NoBody is not wrapped, and the server reports a body that is cut off.
func TestHandlerBody(t *testing.T) {
	var got []string
	h := validate.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" && r.Body != http.NoBody {
			t.Errorf("got the body %v; want http.NoBody", r.Body)
		}
		io.ReadAll(r.Body)
		r.Body.Close()
	}), &validate.Options{Report: func(v *validate.Violation) { got = append(got, v.Request+": "+v.Rule.ID+" "+v.Value) }})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", http.NoBody))
	if len(got) > 0 {
		t.Errorf("got %q", got)
	}
	r := httptest.NewRequest("POST", "/x?y", strings.NewReader("abc"))
	r.ContentLength = 5
	h.ServeHTTP(httptest.NewRecorder(), r)
	if !slices.Equal(got, []string{"POST /x?y: stdin.short 3 of 5"}) {
		t.Errorf("got %q; want stdin.short", got)
	}
}

// TestHandlerAfterReturn: late calls fail and do not reach the server's writer, which may serve the
// next request.
func TestHandlerAfterReturn(t *testing.T) {
	var w http.ResponseWriter
	var got []string
	h := validate.Handler(http.HandlerFunc(func(w2 http.ResponseWriter, r *http.Request) { w = w2 }),
		&validate.Options{Report: func(v *validate.Violation) { got = append(got, v.Rule.ID+" "+v.Value) }})
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil))
	_, err := w.Write([]byte("x"))
	_, err2 := io.WriteString(w, "x")
	_, err3 := w.(io.ReaderFrom).ReadFrom(strings.NewReader("x"))
	_, _, err4 := http.NewResponseController(w).Hijack()
	for i, err := range []error{err, err2, err3, err4, http.NewResponseController(w).Flush()} {
		if !errors.Is(err, gateway.ErrFinished) {
			t.Errorf("call %d: got %v; want ErrFinished", i, err)
		}
	}
	w.WriteHeader(404)
	w.Header()
	if len(got) != 1 || got[0] != "response.after-return Write" || recorder.Code != 200 || recorder.Body.Len() > 0 {
		t.Errorf("got %q, %d %q", got, recorder.Code, recorder.Body)
	}
}

// lossyHTTP drops the last byte of each Write without an error, and blocks the Write if it has a
// channel to wait for.
type lossyHTTP struct {
	http.ResponseWriter
	entered, release chan bool
}

func (w lossyHTTP) Write(p []byte) (int, error) {
	if w.entered != nil {
		close(w.entered)
		<-w.release
		return w.ResponseWriter.Write(p)
	}
	n, err := w.ResponseWriter.Write(p)
	return n - 1, err
}

// abort calls h and returns what it panics with.
func abort(h http.Handler, w http.ResponseWriter) (value any) {
	defer func() { value = recover() }()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return nil
}

func TestHandlerWriterCount(t *testing.T) {
	var err error
	var got []string
	h := validate.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, err = w.Write([]byte("abc")) }),
		&validate.Options{Report: func(v *validate.Violation) { got = append(got, v.Rule.ID+" "+v.Value) }})
	value := abort(h, lossyHTTP{ResponseWriter: httptest.NewRecorder()})
	if v := (*validate.Violation)(nil); !errors.As(err, &v) || value != http.ErrAbortHandler || !slices.Equal(got, []string{"writer.count 2 of 3, <nil>"}) {
		t.Errorf("got %v, %v, %q", err, value, got)
	}
}

// TestHandlerConcurrent: two goroutines in the writer at the same time are detected, and one that
// is still there after the return.
func TestHandlerConcurrent(t *testing.T) {
	tests := []struct {
		name string
		meet func(w http.ResponseWriter, done chan bool) // while another goroutine is in Write
		want string
	}{
		{"second call", func(w http.ResponseWriter, done chan bool) { w.WriteHeader(200); <-done }, "response.concurrent WriteHeader"},
		{"return", func(w http.ResponseWriter, done chan bool) {}, "response.after-return a call is under way"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			entered, release, done := make(chan bool), make(chan bool), make(chan bool)
			var got string
			h := validate.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				go func() {
					defer close(done)
					w.Write([]byte("x"))
				}()
				<-entered
				test.meet(w, done)
			}), &validate.Options{Report: func(v *validate.Violation) {
				got = v.Rule.ID + " " + v.Value
				close(release)
			}})
			value := abort(h, lossyHTTP{httptest.NewRecorder(), entered, release})
			<-done
			if got != test.want || value != http.ErrAbortHandler {
				t.Errorf("got %q, %v; want %q and an abort", got, value, test.want)
			}
		})
	}
}

// TestHandlerGivesBack: net/http and outer handlers find the form and the pattern in their request.
func TestHandlerGivesBack(t *testing.T) {
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	m.WriteField("a", "1")
	m.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /form", func(w http.ResponseWriter, r *http.Request) { r.ParseMultipartForm(1 << 10) })
	r := httptest.NewRequest("POST", "/form", &form)
	r.Header.Set("Content-Type", m.FormDataContentType())
	validate.Handler(mux, nil).ServeHTTP(httptest.NewRecorder(), r)
	if r.MultipartForm == nil || r.Pattern != "POST /form" {
		t.Errorf("got form %v, pattern %q", r.MultipartForm, r.Pattern)
	}
}

// TestFileServer: http.FileServer breaks no rule, neither as an App nor as a handler.
func TestFileServer(t *testing.T) {
	dir := filepath.Dir(tempFile(t, large))
	requests := []struct {
		method, path string
		field, value string
		code         int
	}{
		{"GET", "/file", "", "", 200},
		{"HEAD", "/file", "", "", 200},
		{"GET", "/file", "If-Modified-Since", "Fri, 31 Dec 2100 00:00:00 GMT", 304},
		{"GET", "/file", "Range", "bytes=1-3", 206},
		{"GET", "/file", "Range", "bytes=1-3,5-6", 206},
		{"GET", "/file", "Range", "bytes=99999-", 416},
		{"GET", "/file/", "", "", 301},
		{"GET", "/%2e%2e/nothing", "", "", 404},
		{"GET", "/", "", "", 200},
	}
	var got []string
	opts := &validate.Options{Report: func(v *validate.Violation) { got = append(got, v.Error()) }}
	files := http.FileServer(http.Dir(dir))
	for name, h := range map[string]http.Handler{
		"app":     httpapp.Handler(validate.New(httpapp.New(files), opts)),
		"handler": validate.Handler(files, opts),
	} {
		for _, test := range requests {
			r := httptest.NewRequest(test.method, test.path, nil)
			r.Header.Set(cmp.Or(test.field, "X-None"), test.value)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != test.code || len(got) > 0 {
				t.Errorf("%s: %s %s %s: got %d, %q; want %d and no violation", name, test.method, test.path, test.value, w.Code, got, test.code)
			}
			got = nil
		}
	}
}
