package tour

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/demo"
)

// A deployment gets the browser's request, with its fields and without its body.
func TestAskIsTheBrowsersRequest(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/?secret=1", strings.NewReader("body"))
	r.Header.Set("User-Agent", "browser")
	r.Header.Set("Content-Length", "4")
	r.Header.Set("Content-Type", "text/plain")
	a := (&deployment{Name: "HTTP", Mount: "/http", backend: gateway.Local(demo.App())}).fetch(r)
	if a.Err != nil {
		t.Fatal(a.Err)
	}
	for name, want := range map[string]string{
		"REQUEST_METHOD": "GET", "REQUEST_URI": "/http/environ", "SCRIPT_NAME": "/http", "PATH_INFO": "/environ",
		"QUERY_STRING": "", "HTTP_USER_AGENT": "browser",
	} {
		if got := a.Environ.Get(name); got != want {
			t.Errorf("got %s=%q; want %q", name, got, want)
		}
	}
	for _, name := range []string{"CONTENT_LENGTH", "CONTENT_TYPE"} {
		if value, sent := a.Environ.Lookup(name); sent {
			t.Errorf("got %s=%q of a body that is not sent", name, value)
		}
	}
	if r.Method != http.MethodPost || r.ContentLength != 4 || r.Header.Get("Content-Type") == "" || r.URL.Path != "/" {
		t.Errorf("got the browser's request changed to %s %s", r.Method, r.URL)
	}
	if a.Took <= 0 {
		t.Errorf("got a time of %v", a.Took)
	}
}

func TestAskReportsFailures(t *testing.T) {
	failing := errors.New("no")
	tests := []struct {
		name string
		app  gateway.AppFunc
		want string
	}{
		{"error page", func(gateway.ResponseWriter, *gateway.Request) error { return failing }, `answered "500 `},
		{"other status", func(w gateway.ResponseWriter, _ *gateway.Request) error { return w.Start("404 Not Found") }, `answered "404 `},
		{"broken body", func(w gateway.ResponseWriter, _ *gateway.Request) error { return errors.Join(w.Flush(), failing) }, "ended its response early"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := (&deployment{backend: gateway.Local(tt.app)}).fetch(httptest.NewRequest(http.MethodGet, "/", nil))
			if a.Err == nil || !strings.Contains(a.Err.Error(), tt.want) || a.Environ != nil {
				t.Errorf("got error %v and environ %v; want an error with %q", a.Err, a.Environ, tt.want)
			}
		})
	}
}

// When the browser goes away, the request to the deployment ends.
func TestAskEndsWithTheBrowser(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		cancel()
		<-r.Context().Done()
		return r.Context().Err()
	})
	r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
	if a := (&deployment{backend: gateway.Local(app)}).fetch(r); a.Err == nil {
		t.Error("got no error")
	}
}
