//go:build unix

package host_test

import (
	"slices"
	"testing"
)

// Heads that the web servers of the templates treat alike. Apache accepts a status line only from
// an nph script, whose answer it does not parse.
var (
	nginx    = []string{"nginx-scgi", "nginx-fastcgi"}
	apache   = []string{"apache2-cgi", "apache2-scgi", "apache2-fastcgi"}
	lighttpd = []string{"lighttpd-cgi", "lighttpd-scgi", "lighttpd-fastcgi"}
	all      = slices.Concat(nginx, apache, lighttpd)
)

// TestHeads: heads that applications send, over every protocol, compared with the answers of the
// web servers.
func TestHeads(t *testing.T) {
	const body = "Content-Type: text/plain\r\nX-A: b\r\n\r\nhello"
	cases := []struct {
		name, answer string
		status       int
		servers      []string
	}{
		{"interim status", "Status: 103 Early Hints\r\nLink: </x>\r\n\r\nStatus: 201 Made\r\n" + body, 201, lighttpd},
		{"interim status line", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\n" + body, 201, slices.Concat(lighttpd, nginx[:1])},
		{"interim status, no other", "Status: 103 Early Hints\r\n\r\n" + body, 200, lighttpd},
		{"status line and field", "HTTP/1.1 201 Made\r\nStatus: 201 Made\r\n" + body, 201, slices.Concat(lighttpd, nginx)},
		{"status line against field", "HTTP/1.1 201 Made\r\nStatus: 404 Not Found\r\n" + body, 201, nginx[:1]},
		{"length without a value", "Content-Length:\r\n" + body, 200, all},
		{"status without a value", "Status:\r\n" + body, 200, nil},
		{"location without a value", "Location:\r\n" + body, 200, lighttpd},
		{"type twice", "Content-Type: text/plain\r\n" + body, 200, all},
		{"status twice", "Status: 404 Gone\r\nStatus: 404 Gone\r\n" + body, 404, all},
		{"length twice", "Content-Length: 5\r\nContent-Length: 5\r\n" + body, 200, all},
		{"length as a list", "Content-Length: 5, 5\r\n" + body, 200, slices.Concat(apache, nginx)},
		{"location twice", "Status: 302 Found\r\nLocation: http://x/\r\nLocation: http://x/\r\n" + body, 302, all},
	}
	check := func(t *testing.T, a answer, status int) {
		t.Helper()
		a.want(t, status, "hello")
		for name, want := range map[string]string{"Content-Type": "text/plain", "X-A": "b", "Status": "", "Link": ""} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: got %q; want %q", name, got, want)
			}
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, b := range rawBackends(t, c.answer) {
				t.Run(b.name, func(t *testing.T) { check(t, get(t, handler(b), "/x"), c.status) })
			}
		})
	}
	onServers(t, all, func(t *testing.T, template, url string, setAnswer func(string)) {
		for _, c := range cases {
			if slices.Contains(c.servers, template) {
				t.Run(c.name, func(t *testing.T) {
					setAnswer(c.answer)
					check(t, getURL(t, url+"/"), c.status)
				})
			}
		}
	})
}

// TestLocalRedirectAfterInterim: a redirect after an interim response with fields is still a local
// one.
func TestLocalRedirectAfterInterim(t *testing.T) {
	for _, b := range rawBackends(t, "HTTP/1.1 103 Early Hints\nLink: </x>\n\nLocation: /loop\n\n") {
		t.Run(b.name, func(t *testing.T) {
			if a := get(t, handler(b), "/x"); a.status != 502 || a.body != "The application redirects in circles.\n" {
				t.Errorf("got %d %q; want a redirect that was followed, in circles", a.status, a.body)
			}
		})
	}
}
