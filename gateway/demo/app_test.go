package demo

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestRoutes: a page does not treat an unknown method as GET (A1), among other routes.
func TestRoutes(t *testing.T) {
	tests := []struct {
		name, method, path, status, allow string
	}{
		{"greeting", "GET", "/", "200 OK", ""},
		{"mount point without a slash", "GET", "", "200 OK", ""},
		{"greeting, HEAD", "HEAD", "/", "200 OK", ""},
		{"form", "GET", "/form", "200 OK", ""},
		{"form, sent", "POST", "/form", "200 OK", ""},
		{"form, other method", "PUT", "/form", "405 Method Not Allowed", "GET, HEAD, POST"},
		{"greeting, other method", "POST", "/", "405 Method Not Allowed", "GET, HEAD"},
		{"methods have a case", "get", "/", "405 Method Not Allowed", "GET, HEAD"},
		{"environ, other method", "DELETE", "/environ", "405 Method Not Allowed", "GET, HEAD"},
		{"file, other method", "OPTIONS", "/file", "405 Method Not Allowed", "GET, HEAD"},
		{"stream, other method", "POST", "/stream", "405 Method Not Allowed", "GET, HEAD"},
		{"panic, other method", "POST", "/panic", "405 Method Not Allowed", "GET, HEAD"},
		{"stream, HEAD", "HEAD", "/stream", "200 OK", ""},
		{"nothing there", "GET", "/nothing", "404 Not Found", ""},
		{"below a page", "GET", "/form/more", "404 Not Found", ""},
		{"panic", "GET", "/panic", "500 Internal Server Error", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := fetchComplete(t, request(tt.path, "REQUEST_METHOD", tt.method), tt.status)
			if got := a.Headers.Get("Allow"); got != tt.allow {
				t.Errorf("got Allow %q; want %q", got, tt.allow)
			}
			if (a.body == "") != (tt.method == "HEAD") {
				t.Errorf("got %d bytes in answer to %s", len(a.body), tt.method)
			}
		})
	}
}

// The response to a HEAD must have the length of the response to a GET (RFC 9110 section 9.3.2).
func TestHeadHasTheLengthOfGet(t *testing.T) {
	for _, path := range []string{"/form", "/file", "/nothing"} {
		get := fetch(t, request(path))
		head := fetch(t, request(path, "REQUEST_METHOD", "HEAD"))
		if got, want := head.Headers.Get("Content-Length"), get.Headers.Get("Content-Length"); got != want || got == "" {
			t.Errorf("%s: got Content-Length %q to HEAD and %q to GET", path, got, want)
		}
	}
}

var link = regexp.MustCompile(`(?:<a [^>]*href|action)="([^"]*)"`)

// Every link of the greeting must lead to a page below the mount point. The test follows them by
// HEAD, which does not wait for the stream.
func TestLinksStayBelowTheMount(t *testing.T) {
	tests := []struct{ name, script, mount string }{
		{"root", "", ""},
		{"root, as stock nginx has it", "/", ""},
		{"folder", "/app", "/app"},
		{"with a slash at its end", "/app/", "/app"},
		{"characters with a meaning", `/a?b#c "d"`, "/a%3Fb%23c%20%22d%22"},
		{"another host", "//evil.example/app", "/evil.example/app"},
		{"a scheme", "javascript:alert(1)", "/javascript:alert%281%29"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := fetchComplete(t, request("/", "SCRIPT_NAME", tt.script), "200 OK")
			links := link.FindAllStringSubmatch(a.body, -1)
			if len(links) < 7 {
				t.Fatalf("got %d links; want the start and six pages", len(links))
			}
			for _, l := range links {
				rest, below := strings.CutPrefix(l[1], tt.mount+"/")
				path, _, _ := strings.Cut(rest, "?")
				if got := fetch(t, request("/"+path, "REQUEST_METHOD", "HEAD")).Status; !below || got == "404 Not Found" {
					t.Errorf("link %q: below the mount %v, status %q", l[1], below, got)
				}
				if _, err := url.Parse(l[1]); err != nil {
					t.Errorf("link %q: %v", l[1], err)
				}
			}
		})
	}
}
