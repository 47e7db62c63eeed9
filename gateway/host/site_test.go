package host_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

func TestSiteAliases(t *testing.T) {
	root := site(t, "docs/index.html", "docs/a.txt", "deep/a.txt")
	b := new(recorder)
	var reported []string
	s := &host.Site{
		App: handler(b),
		Aliases: map[string]gateway.App{
			"/docs":       &host.Files{Root: root + "/docs", ErrorLog: quiet},
			"/docs/deep/": &host.Files{Root: root + "/deep", ErrorLog: quiet},
		},
		Access: func(a *gateway.Access) { reported = append(reported, a.Request.Environ.Get("PATH_INFO")) },
	}
	h := httpapp.Handler(s)
	for target, want := range map[string]string{
		"/docs/": "docs/index.html", "/docs/a.txt?x": "docs/a.txt", "/docs/deep/a.txt": "deep/a.txt", "//docs/./a.txt": "docs/a.txt",
		"/%64ocs/a.txt": "docs/a.txt", "/x/../docs/a.txt": "docs/a.txt", "/docsX/a.txt": "ok", "/docs%2fa.txt": "ok", "/": "ok",
	} {
		get(t, h, target).want(t, 200, want)
	}
	if a := get(t, h, "/docs?q=1"); a.status != 301 || a.header.Get("Location") != "/docs/?q=1" {
		t.Errorf("got %+v; want a redirect to /docs/?q=1", a)
	}
	get(t, h, "/docs/../other").want(t, 200, "ok")
	b.want(t, "PATH_INFO", "/other", "SCRIPT_NAME", "")
	get(t, h, "/docs/%2e%2e/%2e%2e/etc/passwd").want(t, 400, "The request cannot be understood.\n")
	if got := strings.Join(reported, " "); len(reported) != 8-1 || strings.Contains(got, "other") {
		t.Errorf("reported %q; want the 7 requests of the aliases", got)
	}
}

func TestSiteCacheControl(t *testing.T) {
	root := site(t, "a.css", "b.txt", "big.css")
	s := &host.Site{
		App:          &host.Files{Root: root, ErrorLog: quiet},
		CacheControl: []string{"a.*=no-cache", "*.css=max-age=60, public", "/=no-store"},
	}
	h := httpapp.Handler(s)
	for target, want := range map[string]string{"/a.css": "no-cache", "/big.css": "max-age=60, public", "/b.txt": "no-store", "/missing": ""} {
		a := get(t, h, target)
		if got := a.header; got.Get("Cache-Control") != want {
			t.Errorf("%s: got %v; want Cache-Control %q", target, got, want)
		}
	}
	tag := get(t, h, "/a.css").header.Get("Etag")
	if a := get(t, h, "/a.css", "If-None-Match", tag); a.status != 304 || a.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("got %+v; want a 304 with Cache-Control", a)
	}
	if a := get(t, h, "/a.css", "Range", "bytes=0-0"); a.status != 206 || a.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("got %+v; want a 206 with Cache-Control", a)
	}
}

// TestSiteCacheControlOfApps: the application's own Cache-Control stays.
func TestSiteCacheControlOfApps(t *testing.T) {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Cache-Control", "private")
		switch r.Environ.Get("PATH_INFO") {
		case "/flush":
			return w.Flush()
		case "/none":
			return nil
		}
		_, err := w.Write(make([]byte, 10000))
		return err
	})
	h := httpapp.Handler(&host.Site{App: app, CacheControl: []string{"/=no-store"}})
	for _, target := range []string{"/flush", "/none", "/body"} {
		a := get(t, h, target)
		if got := a.header; strings.Join(got["Cache-Control"], ",") != "private" {
			t.Errorf("%s: got %v; want private", target, got)
		}
	}
}

func TestSiteCheck(t *testing.T) {
	app := gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return nil })
	if err := (&host.Site{App: app, CacheControl: []string{"*.css=no-cache"}}).Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		want string
		site *host.Site
	}{
		{"App: is nil", &host.Site{}},
		{"Aliases", &host.Site{App: app, Aliases: map[string]gateway.App{"/": app}}},
		{"Aliases", &host.Site{App: app, Aliases: map[string]gateway.App{"docs": app}}},
		{"CacheControl", &host.Site{App: app, CacheControl: []string{"*.css"}}},
		{"CacheControl", &host.Site{App: app, CacheControl: []string{"*.css="}}},
		{"CacheControl", &host.Site{App: app, CacheControl: []string{"a/b=no-cache"}}},
		{"CacheControl", &host.Site{App: app, CacheControl: []string{"/=a\nb"}}},
	} {
		if err := c.site.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v; want %q", err, c.want)
		}
		if w := send(httpapp.Handler(c.site), http.MethodGet, "/"); w.Code != 500 {
			t.Errorf("%s: got %d; want 500", c.want, w.Code)
		}
	}
}
