package exchange_test

import (
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

func TestComplete(t *testing.T) {
	for _, test := range []struct {
		name    string
		environ string // separated by spaces
		want    string // the variables that are added, or "nothing" without a path
		sent    string // EscapedPath
	}{
		{"nginx's stock scgi_params", "REQUEST_URI=//a%2fb/../x.php?c DOCUMENT_URI=/x.php DOCUMENT_ROOT=/srv", "SCRIPT_NAME= PATH_INFO=/x.php", ""},
		{"DOCUMENT_URI as it is", "DOCUMENT_URI=/a//../b", "SCRIPT_NAME= PATH_INFO=/a//../b", ""},
		{"REQUEST_URI alone", "REQUEST_URI=/y/../a%2fb//c?d", "SCRIPT_NAME= PATH_INFO=/a/b/c", "/y/../a%2fb//c"},
		{"REQUEST_URI in absolute form", "REQUEST_URI=http://h/a", "SCRIPT_NAME= PATH_INFO=/a", "/a"},
		{"options for the whole server", "REQUEST_URI=*", "SCRIPT_NAME= PATH_INFO=", ""},
		{"SCRIPT_NAME is there", "SCRIPT_NAME=/x DOCUMENT_URI=/y", "", ""},
		{"an empty SCRIPT_NAME is there", "SCRIPT_NAME= DOCUMENT_URI=/y", "", ""},
		{"PATH_INFO is there", "PATH_INFO= REQUEST_URI=/y", "", ""},
		{"no path", "DOCUMENT_ROOT=/srv", "nothing", ""},
		{"an empty path", "DOCUMENT_URI= REQUEST_URI=", "nothing", ""},
	} {
		sent := strings.Split(test.environ, " ")
		r := &gateway.Request{Environ: util.EnvironFromList(sent)}
		ok, err := exchange.Complete(r)
		if got := strings.Join(r.Environ.List()[len(sent):], " "); err != nil || ok == (test.want == "nothing") || ok && got != test.want {
			t.Errorf("%s: got %q, %v, %v; want %q", test.name, got, ok, err, test.want)
		}
		if r.EscapedPath != test.sent {
			t.Errorf("%s: got EscapedPath %q; want %q", test.name, r.EscapedPath, test.sent)
		}
	}
	for _, uri := range []string{"/../x", "/%zz", "/%00", "/a%2f..%2f..%2fb"} {
		r := &gateway.Request{Environ: util.EnvironFromMap(map[string]string{"REQUEST_URI": uri})}
		if ok, err := exchange.Complete(r); ok || err == nil || r.Environ.Len() != 1 {
			t.Errorf("%s: got %v, %v, %v; want an error", uri, r.Environ.List(), ok, err)
		}
	}
}

// TestMount: the variables of gateway.Mount, and the path as it was sent.
func TestMount(t *testing.T) {
	for _, test := range []struct{ mount, environ, script, info, sent string }{
		{"/app", "REQUEST_URI=/app/a%2fb//../c?d", "/app", "/a/b//../c", "/app/a%2fb//../c"},
		{"/app", "REQUEST_URI=http://h/app/a SCRIPT_NAME=/app/a", "/app", "/a", "/app/a"},
		{"/app", "REQUEST_URI=//app//a%2fb?d", "/app", "/a/b", "//app//a%2fb"},
		{"/app/", "REQUEST_URI=/x/%2e%2e/app SCRIPT_NAME=/app", "/app", "", "/x/%2e%2e/app"},
		{"/", "REQUEST_URI=//a PATH_INFO=/a", "", "//a", "//a"},
		{"/app", "REQUEST_URI=/app/a SCRIPT_NAME=/x PATH_INFO=/y", "/x", "/y", ""},
		{"", "REQUEST_URI=/app/a SCRIPT_NAME=/x", "/x", "", ""},
		{"/app", "SCRIPT_NAME=/x", "/x", "", ""},
	} {
		e := util.EnvironFromList(strings.Split(test.environ, " "))
		sent, err := exchange.Mount(e, test.mount)
		if err != nil || sent != test.sent || e.Get("SCRIPT_NAME") != test.script || e.Get("PATH_INFO") != test.info {
			t.Errorf("%s below %s: got %q, %v, %v", test.environ, test.mount, sent, err, e.List())
		}
	}
	for uri, want := range map[string]string{
		"/apple": "404", "//apple": "404", "/x//app": "404", "/app/%zz": "400", "//app/%zz": "404", "/app%2fx": "404", "*": "404", "/../app": "404", "//app/a%2f..%2f..%2fb": "404",
	} {
		e := util.EnvironFromMap(map[string]string{"REQUEST_URI": uri})
		_, err := exchange.Mount(e, "/app")
		if status, _ := gateway.ErrorPage(err); err == nil || status[:3] != want || e.Len() != 1 {
			t.Errorf("%s: got %v, %v; want %s", uri, err, e.List(), want)
		}
	}
}

// TestPathTranslated: C16.
func TestPathTranslated(t *testing.T) {
	for _, test := range []struct{ root, info, want string }{
		{"/srv", "/", "/srv/"},
		{"/srv", "/a/b", "/srv/a/b"},
		{"/srv/", "/a/", "/srv/a/"},
		{"/", "/a", "/a"},
		{"/srv", "/../../etc/passwd", "/srv/etc/passwd"},
		{"/srv", "/a//./../b/", "/srv/b/"},
		{"/srv", "/..", "/srv/"},
		{"/srv", "a", "/srv/a"},
	} {
		if got := exchange.PathTranslated(test.root, test.info); got != test.want {
			t.Errorf("%s and %s: got %s; want %s", test.root, test.info, got, test.want)
		}
	}
}
