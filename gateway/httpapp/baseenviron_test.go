package httpapp_test

import (
	"io"
	"net/http/httptest"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// TestBaseEnviron: the variables of the request replace those of BaseEnviron, which cannot add a
// body.
func TestBaseEnviron(t *testing.T) {
	base := util.EnvironFromList([]string{
		"APP_MODE=staging", "HTTPS=on", "REQUEST_METHOD=PUT", "HTTP_ACCEPT=a/b", "HTTP_X=base", "CONTENT_LENGTH=5", "HTTP_PROXY=http://x",
	})
	var got *util.Environ
	scheme, body := "", ""
	h := &httpapp.AppHandler{BaseEnviron: base, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		b, err := io.ReadAll(r.Stdin)
		got, scheme, body = r.Environ.Clone(), r.Scheme, string(b)
		return err
	})}
	for range 2 { // BaseEnviron is not changed
		r := httptest.NewRequest("GET", "/x", nil)
		r.Header.Set("Accept", "c/d")
		h.ServeHTTP(httptest.NewRecorder(), r)
		for name, want := range map[string]string{
			"APP_MODE": "staging", "HTTPS": "on", "REQUEST_METHOD": "GET", "HTTP_ACCEPT": "c/d", "HTTP_X": "base", "CONTENT_LENGTH": "", "HTTP_PROXY": "",
		} {
			if v := got.Get(name); v != want {
				t.Errorf("%s: got %q; want %q", name, v, want)
			}
		}
		if scheme != "https" || body != "" || base.Len() != 7 {
			t.Errorf("got scheme %q, body %q, a base of %d", scheme, body, base.Len())
		}
	}
}
