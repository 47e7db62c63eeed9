package demo

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/util"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	os.Exit(leaks.Run(m))
}

// request returns a GET of path; pairs of name and value change its environ.
func request(path string, pairs ...string) *gateway.Request {
	e := util.NewEnviron()
	e.Add("REQUEST_METHOD", "GET")
	e.Add("SCRIPT_NAME", "")
	e.Add("PATH_INFO", path)
	for i := 0; i < len(pairs); i += 2 {
		e.Set(pairs[i], pairs[i+1])
	}
	return &gateway.Request{Environ: e, Stdin: strings.NewReader(""), Stderr: io.Discard}
}

// post is a POST to the form.
func post(contentType, body string) *gateway.Request {
	r := request("/form", "REQUEST_METHOD", "POST", "CONTENT_TYPE", contentType)
	r.Stdin = strings.NewReader(body)
	return r
}

// answer is a response that was read to its end.
type answer struct {
	*gateway.Response
	body string
	err  error // of the body
}

// fetch returns the demo's answer to r.
func fetch(t *testing.T, r *gateway.Request) answer {
	t.Helper()
	resp, err := gateway.Local(App()).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, string(body), err}
}

// fetchComplete returns the demo's answer to r, which must be complete and have the given status.
func fetchComplete(t *testing.T, r *gateway.Request, status string) answer {
	t.Helper()
	a := fetch(t, r)
	if a.err != nil || a.Status != status {
		t.Fatalf("got status %q and error %v; want %q and a whole body", a.Status, a.err, status)
	}
	return a
}

// contains checks that the body has each of the texts.
func (a answer) contains(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("got a body without %q:\n%.2000s", text, a.body)
		}
	}
}

// lacks checks that the body has none of the texts.
func (a answer) lacks(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("got a body with %q:\n%.2000s", text, a.body)
		}
	}
}
