package httpapp_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// serve starts an HTTP server for h and returns its URL. The server ends with the test.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return s.URL
}

// quiet is an AppHandler that logs to a buffer, which may be read once the server is closed.
func quiet(app gateway.AppFunc) (*httpapp.AppHandler, *bytes.Buffer) {
	log := new(bytes.Buffer)
	return &httpapp.AppHandler{App: app, ErrorLog: slog.New(slog.NewTextHandler(log, nil))}, log
}

// exchange performs a request and reads the whole response.
func exchange(t testing.TB, r *http.Request) (*http.Response, string, error) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func get(t testing.TB, url string) (*http.Response, string) {
	t.Helper()
	return mustExchange(t, "GET", url, nil)
}

func mustExchange(t testing.TB, method, url string, body io.Reader) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, got, err := exchange(t, r)
	if err != nil {
		t.Fatal(err)
	}
	return resp, got
}

func TestHandler(t *testing.T) {
	h, log := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("content-type", "text/x-test")
		w.Headers().Add("X-B", "1")
		w.Headers().Add("X-B", "2")
		if err := w.Start("404 Nothing Here"); err != nil {
			return err
		}
		fmt.Fprintln(r.Stderr, "a line")
		_, err := io.WriteString(w, r.Environ.Get("PATH_INFO")+"?"+r.Environ.Get("QUERY_STRING"))
		return err
	})
	resp, body := get(t, serve(t, h)+"/a%2Fb//c?d")
	if resp.StatusCode != 404 || body != "/a/b//c?d" || resp.ContentLength != int64(len(body)) {
		t.Errorf("got %s, length %d, %q", resp.Status, resp.ContentLength, body)
	}
	if got := resp.Header["Content-Type"]; len(got) != 1 || got[0] != "text/x-test" {
		t.Errorf("Content-Type: got %q", got)
	}
	if got := resp.Header["X-B"]; strings.Join(got, " ") != "1 2" || resp.Header.Get("Date") == "" {
		t.Errorf("got X-B %q, Date %q", got, resp.Header.Get("Date"))
	}
	if resp.Status != "404 Not Found" {
		t.Errorf("got %q; net/http keeps the reason now, so the documentation is wrong", resp.Status)
	}
	if !strings.Contains(log.String(), `level=ERROR msg="a line"`) {
		t.Errorf("got log %q", log)
	}
}

func TestHandlerRequest(t *testing.T) {
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		fmt.Fprintf(w, "%s %t %t %t %v", r.Scheme, r.Multithread, r.Multiprocess, r.RunOnce, r.Context().Err())
		return nil
	})
	if _, body := get(t, serve(t, h)); body != "http true false false <nil>" {
		t.Errorf("got %q", body)
	}
}

// An App without a Content-Type gets none.
func TestHandlerDoesNotSniff(t *testing.T) {
	url := serve(t, httpapp.Handler(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, "<html>")
		return err
	})))
	if resp, body := get(t, url); resp.Header["Content-Type"] != nil || body != "<html>" {
		t.Errorf("got Content-Type %q, %q", resp.Header["Content-Type"], body)
	}
}

func TestHandlerHEAD(t *testing.T) {
	url := serve(t, httpapp.Handler(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, "hello")
		return err
	})))
	resp, body := mustExchange(t, "HEAD", url, nil)
	if resp.ContentLength != 5 || body != "" {
		t.Errorf("got length %d, %q; want 5 and nothing", resp.ContentLength, body)
	}
}

func TestHandlerMount(t *testing.T) {
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, r.Environ.Get("SCRIPT_NAME")+" "+r.Environ.Get("PATH_INFO"))
		return err
	})
	h.Mount = "/app"
	url := serve(t, h)
	if _, body := get(t, url+"/app/x"); body != "/app /x" {
		t.Errorf("got %q", body)
	}
	if resp, _ := get(t, url+"/apple"); resp.StatusCode != 404 {
		t.Errorf("outside: got %s; want 404", resp.Status)
	}
	if resp, _ := get(t, url+"/app/%00"); resp.StatusCode != 400 {
		t.Errorf("NUL: got %s; want 400", resp.Status)
	}
}

func TestHandlerKeepsFieldsAround(t *testing.T) {
	app := httpapp.Handler(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("Content-Type", "text/plain")
		w.Headers().Add("Vary", "Cookie")
		return nil
	}))
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Vary", "Accept")
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Header()["Content-Type"]; strings.Join(got, "|") != "text/plain" {
		t.Errorf("Content-Type: got %q", got)
	}
	if got := w.Header()["Vary"]; strings.Join(got, "|") != "Accept|Cookie" {
		t.Errorf("Vary: got %q", got)
	}
}

func TestHandlerBody(t *testing.T) {
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		length, ok := r.Environ.Lookup("CONTENT_LENGTH")
		fmt.Fprintf(w, "%q %t ", length, ok)
		_, err := io.Copy(w, r.Stdin)
		return err
	})
	h.MaxBodyBytes = 10
	url := serve(t, h)
	unknown := func(s string) io.Reader { return struct{ io.Reader }{strings.NewReader(s)} }
	tests := []struct {
		name   string
		body   io.Reader
		status int
		want   string
	}{
		{"known", strings.NewReader("abc"), 200, `"3" true abc`},
		{"chunked (C13)", unknown("abc"), 200, `"" false abc`},
		{"empty", strings.NewReader(""), 200, `"0" true `},
		{"too large", strings.NewReader("0123456789a"), 413, ""},
		{"at the limit", strings.NewReader("0123456789"), 200, `"10" true 0123456789`},
		{"chunked, too large", unknown("0123456789a"), 413, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := mustExchange(t, "POST", url, tt.body)
			if resp.StatusCode != tt.status || tt.want != "" && body != tt.want {
				t.Errorf("got %s, %q; want %d, %q", resp.Status, body, tt.status, tt.want)
			}
		})
	}
}

// An App may answer before it has read its body, as it may over FastCGI and SCGI; a plain handler
// of net/http may not.
func TestHandlerFullDuplex(t *testing.T) {
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		for lines := bufio.NewScanner(r.Stdin); lines.Scan(); {
			fmt.Fprintln(w, "got", lines.Text())
			if err := w.Flush(); err != nil {
				return err
			}
		}
		return nil
	})
	pr, pw := io.Pipe()
	r, _ := http.NewRequest("POST", serve(t, h), pr)
	go io.WriteString(pw, "one\n")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := bufio.NewReader(resp.Body)
	for _, line := range []string{"one", "two"} {
		if got, err := answer.ReadString('\n'); got != "got "+line+"\n" {
			t.Fatalf("got %q, %v", got, err)
		}
		if line == "one" {
			io.WriteString(pw, "two\n")
		}
	}
	pw.Close()
}

// If the App leaves a body unread, the client still gets the response and can use the connection
// again.
func TestHandlerLeavesBody(t *testing.T) {
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, "hello")
		return err
	})
	var log bytes.Buffer
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&log, nil), slog.LevelError)
	s.Start()
	client := s.Client()
	reused := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if c.Reused {
			reused++
		}
	}})
	for _, body := range []io.Reader{strings.NewReader("abc"), io.MultiReader(strings.NewReader("abc")), nil} {
		r, _ := http.NewRequestWithContext(ctx, "POST", s.URL, body)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, resp.Body); got != "hello" {
			t.Errorf("got %q", got)
		}
		resp.Body.Close()
	}
	s.Close()
	if log.Len() > 0 || reused != 2 {
		t.Errorf("got %d connections used again, log %q; want 2 and nothing", reused, &log)
	}
}

// The sender of a large body that the App does not read gets the answer. Without readUnread about
// half of these requests fail.
func TestHandlerTakesTheRest(t *testing.T) {
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, "not interested")
		return err
	})
	url := serve(t, h)
	for range 10 {
		resp, err := http.Post(url, "a/b", bytes.NewReader(make([]byte, 10<<20)))
		if err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, resp.Body); got != "not interested" {
			t.Errorf("got %q", got)
		}
		resp.Body.Close()
	}
}

// The answer does not wait for the rest of a body that the App does not read.
func TestHandlerAnswersBeforeTheBody(t *testing.T) {
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, "hello")
		return err
	})
	c, err := net.Dial("tcp", strings.TrimPrefix(serve(t, h), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second)) // passes only if the test fails
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc")
	answers := bufio.NewReader(c)
	for range 2 {
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, resp.Body); got != "hello" {
			t.Errorf("got %q", got)
		}
		io.WriteString(c, "defGET / HTTP/1.1\r\nHost: h\r\n\r\n")
	}
}

func TestHandlerFailures(t *testing.T) {
	failure := errors.New("went wrong")
	tests := []struct {
		name   string
		app    gateway.AppFunc
		status int // 0: the client must see a broken response
		log    string
	}{
		{"error before the head", func(w gateway.ResponseWriter, r *gateway.Request) error { return failure }, 500, "went wrong"},
		{"panic before the head", func(w gateway.ResponseWriter, r *gateway.Request) error { panic(failure) }, 500, "stack="},
		{"error after the head", func(w gateway.ResponseWriter, r *gateway.Request) error { w.Flush(); return failure }, 0, "went wrong"},
		{"panic after the head", func(w gateway.ResponseWriter, r *gateway.Request) error { w.Flush(); panic(failure) }, 0, "stack="},
		{"short of its length", func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Length", "10")
			return w.Flush()
		}, 0, "Content-Length"},
		{"abort", func(w gateway.ResponseWriter, r *gateway.Request) error { return gateway.ErrAbort }, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, log := quiet(tt.app)
			s := httptest.NewServer(h)
			r, _ := http.NewRequest("GET", s.URL, nil)
			resp, body, err := exchange(t, r)
			s.Close()
			if tt.status == 0 && err == nil {
				t.Errorf("got %s, %q; want a broken response", resp.Status, body)
			}
			if tt.status != 0 && (err != nil || resp.StatusCode != tt.status || strings.Contains(body, "wrong")) {
				t.Errorf("got %v, %v, %q; want %d", resp, err, body, tt.status)
			}
			if !strings.Contains(log.String(), tt.log) || tt.log == "" && log.Len() > 0 {
				t.Errorf("got log %q; want %q", log, tt.log)
			}
		})
	}
}

func TestHandlerContext(t *testing.T) {
	ended := make(chan error, 1)
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		if err := w.Flush(); err != nil {
			return err
		}
		<-r.Context().Done()
		ended <- r.Context().Err()
		return r.Context().Err()
	})
	resp, err := http.Get(serve(t, h))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() // before the end of the body: closes the connection
	if err := <-ended; err == nil {
		t.Error("context ended without an error")
	}
}

// fileWriter is a response writer that records what ReadFrom sent.
type fileWriter struct {
	*httptest.ResponseRecorder
	source io.Reader
}

func (w *fileWriter) ReadFrom(src io.Reader) (int64, error) {
	w.source = src
	return io.Copy(w.ResponseRecorder, src)
}

func TestHandlerSendsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	send := func(limit int64) http.Handler {
		h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			if limit > 0 {
				_, err = io.CopyN(w, f, limit)
			} else {
				_, err = io.Copy(w, f)
			}
			return err
		})
		return h
	}
	w := &fileWriter{ResponseRecorder: httptest.NewRecorder()}
	send(4).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	limited, ok := w.source.(*io.LimitedReader)
	if !ok || w.Body.String() != "0123" {
		t.Fatalf("got %T, %q; want the file in an io.LimitedReader", w.source, w.Body)
	}
	if _, ok := limited.R.(*os.File); !ok {
		t.Errorf("got %T in the LimitedReader; want *os.File", limited.R)
	}
	w = &fileWriter{ResponseRecorder: httptest.NewRecorder()}
	send(0).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if _, ok := w.source.(gateway.File); !ok || w.Body.String() != "0123456789" {
		t.Errorf("got %T, %q; want the file", w.source, w.Body)
	}
	plain := httptest.NewRecorder() // has no ReadFrom
	send(4).ServeHTTP(plain, httptest.NewRequest("GET", "/", nil))
	if plain.Body.String() != "0123" {
		t.Errorf("by copying: got %q", plain.Body)
	}
}

// deaf is a response writer without Flush.
type deaf struct{ w http.ResponseWriter }

func (d deaf) Header() http.Header         { return d.w.Header() }
func (d deaf) WriteHeader(code int)        { d.w.WriteHeader(code) }
func (d deaf) Write(p []byte) (int, error) { return d.w.Write(p) }

func TestHandlerFlush(t *testing.T) {
	var flushed error
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		flushed = w.Flush()
		return nil
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if flushed != nil || !w.Flushed {
		t.Errorf("got %v, flushed %t", flushed, w.Flushed)
	}
	h.ServeHTTP(deaf{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
	if flushed != nil {
		t.Errorf("a writer that cannot flush: got %v", flushed)
	}
}

func TestHandlerHTTP2(t *testing.T) {
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, declared := r.Environ.Lookup("CONTENT_LENGTH")
		fmt.Fprintf(w, "%s %s %s %t ", r.Environ.Get("SERVER_PROTOCOL"), r.Environ.Get("HTTPS"), r.Scheme, declared)
		_, err := io.Copy(w, r.Stdin)
		return err
	})
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	resp, err := s.Client().Post(s.URL, "text/plain", io.MultiReader(strings.NewReader("of unknown length")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := readAll(t, resp.Body); got != "HTTP/2.0 on https false of unknown length" {
		t.Errorf("got %q", got)
	}
}

// A client on a unix socket has neither an address nor a port.
func TestHandlerOverUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	h, _ := quiet(func(w gateway.ResponseWriter, r *gateway.Request) error {
		e := r.Environ
		fmt.Fprintf(w, "%s %s %s", e.Get("REMOTE_ADDR"), e.Get("SERVER_NAME"), e.Get("SERVER_PORT"))
		return nil
	})
	s := &http.Server{Handler: h}
	go s.Serve(l)
	defer s.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.0\r\nHost: h\r\n\r\n")
	if got := readAll(t, c); !strings.HasSuffix(got, "\r\n\r\nunix: h 80") {
		t.Errorf("got %q", got)
	}
}
