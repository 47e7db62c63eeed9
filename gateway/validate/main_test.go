package validate_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/validate"
	"github.com/cgikit/cgikit/util"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > 2 && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > 2 && code == 0 {
		stacks := make([]byte, 1<<20)
		os.Stderr.Write(stacks[:runtime.Stack(stacks, true)])
		code = 1
	}
	os.Exit(code)
}

// nginx returns the variables that nginx sends for a GET, with its stock fastcgi_params and two
// lines that these lack.
var nginx = []string{
	"QUERY_STRING", "a=1&b=2", "REQUEST_METHOD", "GET", "CONTENT_TYPE", "", "CONTENT_LENGTH", "",
	"SCRIPT_NAME", "/app", "PATH_INFO", "/hello", "REQUEST_URI", "/app/hello?a=1&b=2", "DOCUMENT_URI", "/app/hello",
	"DOCUMENT_ROOT", "/var/www", "SERVER_PROTOCOL", "HTTP/1.1", "REQUEST_SCHEME", "http", "GATEWAY_INTERFACE", "CGI/1.1",
	"SERVER_SOFTWARE", "nginx/1.22.1", "REMOTE_ADDR", "127.0.0.1", "REMOTE_PORT", "50000", "SERVER_ADDR", "127.0.0.1",
	"SERVER_PORT", "80", "SERVER_NAME", "localhost", "REDIRECT_STATUS", "200", "HTTP_HOST", "localhost",
	"HTTP_USER_AGENT", "curl/7.88.1", "HTTP_ACCEPT", "*/*", "HTTP_COOKIE", "a=b; c=d", "HTTP_ACCEPT_ENCODING", "gzip",
}

func environ(pairs ...string) *util.Environ {
	e := util.NewEnviron()
	for i := 0; i < len(pairs); i += 2 {
		e.Add(pairs[i], pairs[i+1])
	}
	return e
}

// scene is one request with the actions of its gateway and its App. The zero scene breaks no rule.
type scene struct {
	method string // "" is GET
	body   string
	// changes the request on its way to the App
	gateway func(r *gateway.Request)
	writer  func(w gateway.ResponseWriter) gateway.ResponseWriter // and the ResponseWriter
	app     gateway.AppFunc
	after   func()                    // runs when the App has returned
	seen    func(*validate.Violation) // runs with each violation
}

// outcome is the result of a scene.
type outcome struct {
	out, log   string
	err        error // Run's
	violations []*validate.Violation
}

// ids are the rules that were broken, sorted.
func (o outcome) ids() []string {
	ids := []string{}
	for _, v := range o.violations {
		ids = append(ids, v.Rule.ID)
	}
	slices.Sort(ids)
	return ids
}

func (s scene) play(keepGoing bool) outcome {
	var o outcome
	var mu sync.Mutex
	opts := &validate.Options{KeepGoing: keepGoing, Report: func(v *validate.Violation) {
		mu.Lock()
		o.violations = append(o.violations, v)
		mu.Unlock()
		if s.seen != nil {
			s.seen(v)
		}
	}}
	o.out, o.log, o.err = s.run(opts)
	return o
}

func (s scene) run(opts *validate.Options) (out, log string, err error) {
	var stdout, stderr bytes.Buffer
	h := gateway.BaseCGIHandler{Environ: environ(nginx...), Stdout: &stdout, Stderr: &stderr}
	h.Environ.Set("REQUEST_METHOD", cmp.Or(s.method, "GET"))
	if s.body != "" {
		h.Stdin = strings.NewReader(s.body)
		h.StdinStream = true
	}
	app := s.app
	if app == nil {
		app = hello
	}
	validated := validate.New(app, opts)
	err = h.Run(context.Background(), gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		if s.gateway != nil {
			s.gateway(r)
		}
		if s.writer != nil {
			w = s.writer(w)
		}
		return validated.ServeGateway(w, r)
	}))
	if s.after != nil {
		s.after()
	}
	return stdout.String(), stderr.String(), err
}

// set changes one variable.
func set(name, value string) func(r *gateway.Request) {
	return func(r *gateway.Request) { r.Environ.Set(name, value) }
}

func del(name string) func(r *gateway.Request) {
	return func(r *gateway.Request) { r.Environ.Del(name) }
}

// all calls each function in order.
func all(changes ...func(r *gateway.Request)) func(r *gateway.Request) {
	return func(r *gateway.Request) {
		for _, change := range changes {
			change(r)
		}
	}
}

func hello(w gateway.ResponseWriter, r *gateway.Request) error {
	return respond("200 OK", "Hello, world!\n", "Content-Type", "text/plain")(w, r)
}

// respond returns an App that sends a status, a body and fields.
func respond(status, body string, fields ...string) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		for i := 0; i < len(fields); i += 2 {
			w.Headers().Add(fields[i], fields[i+1])
		}
		if err := w.Start(status); err != nil {
			return err
		}
		if body == "" {
			return nil
		}
		_, err := io.WriteString(w, body)
		return err
	}
}

// readAll reads the body before it answers.
func readAll(w gateway.ResponseWriter, r *gateway.Request) error {
	io.Copy(io.Discard, struct{ io.Reader }{r.Stdin})
	return hello(w, r)
}

// readFunc is a function that implements Stdin, writeFunc one that implements Stderr.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

type writeFunc func(p []byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// stdin returns a change that gives the App another Stdin with a declared length.
func stdin(length string, r io.Reader) func(r *gateway.Request) {
	return func(request *gateway.Request) {
		request.Environ.Set("CONTENT_LENGTH", length)
		request.Stdin = r
	}
}
