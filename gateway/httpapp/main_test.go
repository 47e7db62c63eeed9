package httpapp_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// serveVariable has an address. If it is set, this process serves there and runs no tests.
const serveVariable = "HTTPAPP_TEST_SERVE"

func TestMain(m *testing.M) {
	if addr, set := os.LookupEnv(serveVariable); set {
		fmt.Fprintln(os.Stderr, httpapp.ListenAndServe(addr, gateway.AppFunc(greet)))
		os.Exit(1)
	}
	flag.Set("test.parallel", "6") // some wait for a timeout; the flag -parallel still counts
	code := m.Run()
	if leaked := leakedGoroutines(); code == 0 && leaked != "" {
		fmt.Fprintf(os.Stderr, "leaked goroutines:\n%s\n", leaked)
		code = 1
	}
	os.Exit(code)
}

// leakedGoroutines returns the stacks of goroutines of this package and of net/http that do not end
// within five seconds.
func leakedGoroutines() string {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	var leaked []string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		buf := make([]byte, 1<<20)
		stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
		leaked = slices.DeleteFunc(stacks[1:], func(s string) bool {
			return !strings.Contains(s, "cgikit/gateway") && !strings.Contains(s, "net/http.")
		})
		if len(leaked) == 0 {
			return ""
		}
	}
	return strings.Join(leaked, "\n\n")
}

// environ makes an Environ from alternating names and values.
func environ(namesAndValues ...string) *util.Environ {
	e := util.NewEnviron()
	for nv := range slices.Chunk(namesAndValues, 2) {
		e.Add(nv[0], nv[1])
	}
	return e
}

// result is the result of one Run.
type result struct {
	status string
	fields []string // "Name: value", in order
	body   string
	stderr string
	err    error
}

func (r result) field(name string) string {
	for _, field := range r.fields {
		if value, ok := strings.CutPrefix(field, name+": "); ok {
			return value
		}
	}
	return ""
}

// run answers one request with app by the base handler, over buffers.
func run(app gateway.App, e *util.Environ, body string) result {
	var stdout, stderr bytes.Buffer
	h := gateway.BaseCGIHandler{Environ: e, Stdin: strings.NewReader(body), Stdout: &stdout, Stderr: &stderr}
	err := h.Run(context.Background(), app)
	head, rest, _ := strings.Cut(stdout.String(), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	return result{strings.TrimPrefix(lines[0], "Status: "), lines[1:], rest, stderr.String(), err}
}

// runHandler is run with a handler.
func runHandler(h http.HandlerFunc, e *util.Environ, body string) result {
	return run(httpapp.New(h), e, body)
}

// request returns the request that a handler gets for e, or the error.
func request(e *util.Environ) (*http.Request, error) {
	var got *http.Request
	r := runHandler(func(w http.ResponseWriter, r *http.Request) { got = r }, e, "")
	if got == nil {
		return nil, fmt.Errorf("%s: %s", r.status, r.stderr)
	}
	return got, nil
}

// mustRequest is request for a valid environ.
func mustRequest(t testing.TB, namesAndValues ...string) *http.Request {
	t.Helper()
	r, err := request(environ(namesAndValues...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readAll(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("reading: %v", err)
	}
	return string(b)
}
