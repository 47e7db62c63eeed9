package gateway

import (
	"errors"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/util"
)

func TestMountCompletes(t *testing.T) {
	for _, test := range []struct {
		name, prefix, uri string
		script, info      string
	}{
		{"below the prefix", "/app", "/app/a/b?x=/y", "/app", "/a/b"},
		{"the prefix itself", "/app", "/app", "/app", ""},
		{"the prefix as a folder", "/app", "/app/", "/app", "/"},
		{"only a query behind it", "/app", "/app?x", "/app", ""},
		{"the root", "/", "/a", "", "/a"},
		{"the root itself", "/", "/", "", "/"},
		{"decoded once", "/app", "/app/%252c%2C%E3%81%82", "/app", "/%2c,\xe3\x81\x82"},
		{"repeated slashes stay", "/app", "/app//a///b", "/app", "//a///b"},
		{"dot segments stay", "/app", "/app/../x", "/app", "/../x"},
		{"an encoded slash below it", "/app", "/app/a%2Fb", "/app", "/a/b"},
		{"an encoded letter of it", "/app", "/%61pp/x", "/app", "/x"},
		{"an encoded percent sign of it", "/a%b", "/a%25b/x", "/a%b", "/x"},
		{"a plus sign is itself", "/app", "/app/a+b", "/app", "/a+b"},
		{"prefix with a slash at the end", "/app/", "/app/x", "/app", "/x"},
		{"prefix without a slash at the start", "app", "/app/x", "/app", "/x"},
		{"prefix of two segments", "/a/b", "/a/b/c", "/a/b", "/c"},
		{"absolute form", "/app", "http://example.com/app/x", "/app", "/x"},
		{"absolute form without a path", "/", "http://example.com", "", "/"},
		{"a URL in the path", "/", "/go/http://example.com/x", "", "/go/http://example.com/x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := util.NewEnviron()
			e.Add("REQUEST_URI", test.uri)
			if err := Mount(e, test.prefix); err != nil {
				t.Fatal(err)
			}
			script, hasScript := e.Lookup("SCRIPT_NAME")
			info, hasInfo := e.Lookup("PATH_INFO")
			if !hasScript || !hasInfo || script != test.script || info != test.info {
				t.Errorf("got SCRIPT_NAME %q (%v), PATH_INFO %q (%v); want %q, %q", script, hasScript, info, hasInfo, test.script, test.info)
			}
			if got := e.Get("REQUEST_URI"); got != test.uri {
				t.Errorf("REQUEST_URI became %q", got)
			}
		})
	}
}

func TestMountRefuses(t *testing.T) {
	for _, test := range []struct {
		name, prefix, uri string
		status            string
	}{
		{"another path", "/app", "/other", "404"},
		{"a longer segment", "/app", "/apple", "404"},
		{"a shorter path", "/app", "/ap", "404"},
		{"an encoded slash for the prefix's own", "/a/b", "/a%2Fb", "404"},
		{"an encoded slash behind the prefix", "/app", "/app%2Fx", "404"},
		{"a broken escape in the prefix", "/app", "/a%7", "404"},
		{"options for the whole server", "/app", "*", "404"},
		{"a broken escape", "/app", "/app/%zz", "400"},
		{"an escape cut off", "/app", "/app/%4", "400"},
		{"an encoded NUL", "/app", "/app/%00", "400"},
		{"a raw NUL", "/app", "/app/\x00", "400"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := util.NewEnviron()
			e.Add("REQUEST_URI", test.uri)
			err := Mount(e, test.prefix)
			var p publicError
			if !errors.As(err, &p) {
				t.Fatalf("got %v; want an error with a page", err)
			}
			if status, _ := p.publicPage(); !strings.HasPrefix(status, test.status) {
				t.Errorf("got the page %q; want %s", status, test.status)
			}
			if e.Len() != 1 {
				t.Errorf("the environ was changed to %q", e.List())
			}
		})
	}
}

func TestMountLeavesAlone(t *testing.T) {
	for _, test := range []struct {
		name, prefix string
		environ      []string
	}{
		{"no prefix", "", []string{"REQUEST_URI=/a"}},
		{"complete", "/app", []string{"SCRIPT_NAME=/x", "PATH_INFO=", "REQUEST_URI=/app/a"}},
		{"complete at the root", "/app", []string{"SCRIPT_NAME=", "PATH_INFO=/a", "REQUEST_URI=/app/a"}},
		{"nothing to go by", "/app", []string{"DOCUMENT_URI=/app/a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := util.EnvironFromList(test.environ)
			if err := Mount(e, test.prefix); err != nil {
				t.Fatal(err)
			}
			if got, want := strings.Join(e.List(), "\n"), strings.Join(test.environ, "\n"); got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
}

// nginx's stock fastcgi_params: SCRIPT_NAME is the whole path.
func TestMountCorrectsStockNginxFastCGI(t *testing.T) {
	e := util.EnvironFromList([]string{"SCRIPT_NAME=/app/x y", "REQUEST_URI=/app/x%20y"})
	if err := Mount(e, "/app"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(e.List(), "\n"); got != "SCRIPT_NAME=/app\nREQUEST_URI=/app/x%20y\nPATH_INFO=/x y" {
		t.Errorf("got %q", got)
	}
}
