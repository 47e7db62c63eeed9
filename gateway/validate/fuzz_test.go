package validate_test

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/validate"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// reports returns the violations of an environ and the error of the App.
func reports(e *util.Environ) (violations []*validate.Violation, err error) {
	app := gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return gateway.ErrAbort })
	w := &silent{}
	r := &gateway.Request{Environ: e, Stdin: strings.NewReader(""), Stderr: w, Scheme: "http"}
	err = validate.New(app, &validate.Options{Report: func(v *validate.Violation) { violations = append(violations, v) }}).ServeGateway(w, r)
	return violations, err
}

// FuzzEnviron: for any environ, each rule is reported at most once, in few bytes, and the request
// continues if no error is among them.
func FuzzEnviron(f *testing.F) {
	f.Add(strings.Join(nginx, "\n"))
	f.Add("REQUEST_METHOD\nCONNECT\nREQUEST_URI\n[::1]:443\nPATH_INFO\n%\nSCRIPT_NAME\n/%2\nHTTP_HOST\n[:")
	f.Add("REQUEST_METHOD\nOPTIONS\nREQUEST_URI\nhttp://\nSERVER_NAME\n[]\nSERVER_PROTOCOL\n/\nREMOTE_ADDR\n%")
	f.Fuzz(func(t *testing.T, list string) {
		e := util.NewEnviron()
		parts := strings.Split(list, "\n")
		for i := 0; i+1 < len(parts); i += 2 {
			e.Add(parts[i], parts[i+1])
		}
		violations, err := reports(e)
		seen := make(map[string]bool)
		failed := false
		for _, v := range violations {
			if seen[v.Rule.ID] || len(v.Value) > 67 || v.Rule.Side != validate.SideGateway {
				t.Errorf("got %v, seen before: %v", v, seen[v.Rule.ID])
			}
			seen[v.Rule.ID] = true
			failed = failed || v.Rule.Severity == validate.SeverityError
		}
		if v := (*validate.Violation)(nil); errors.As(err, &v) != failed || err == nil {
			t.Errorf("got %v for %v", err, violations)
		}
	})
}

// FuzzPath: an environ that package httpapp makes of a path is right, however the path is encoded,
// repeated slashes and escaped percents among it.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/", "//a//", "/%2f%2F", "/%252f", "/app", "/a%20b", "/%ff", "/%%", "/a?b", "/%33%25", "/%253%33"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || path[0] != '/' {
			t.Skip("no path of a request")
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL, r.RequestURI = u, path
		e, err := httpapp.MetaVariables(r, "")
		if err != nil {
			t.Skip("httpapp refuses it")
		}
		violations, _ := reports(e)
		for _, v := range violations {
			// about what the client sent
			if v.Rule.ID != "environ.request-target" && v.Rule.ID != "environ.query-string" {
				t.Errorf("%q: got %v", path, v)
			}
		}
	})
}

// silent is a ResponseWriter that accepts everything.
type silent struct{ fields headers.Headers }

func (s *silent) Headers() *headers.Headers { return &s.fields }

func (s *silent) Start(string) error          { return nil }
func (s *silent) Write(p []byte) (int, error) { return len(p), nil }
func (s *silent) Flush() error                { return nil }
