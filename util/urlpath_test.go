package util_test

import (
	"testing"

	"github.com/cgikit/cgikit/util"
)

func TestTargetPath(t *testing.T) {
	for uri, want := range map[string]string{
		"": "", "*": "*", "/": "/", "/a%2Fb?c?d": "/a%2Fb", "/?a=http://b/": "/", "http://u:p@h:81/a?b": "/a", "http://h": "/", "http://h?b": "/",
		"/go/http://h/x": "/go/http://h/x", "//h/x": "//h/x",
	} {
		if got := util.TargetPath(uri); got != want {
			t.Errorf("%q: got %q; want %q", uri, got, want)
		}
	}
}

func TestCleanMount(t *testing.T) {
	for mount, want := range map[string]string{
		"": "", "/": "", "//": "", "/app": "/app", "app": "/app", "/app/": "/app", "app/": "/app", "/a/b/": "/a/b", "/a b": "/a b",
	} {
		if got := util.CleanMount(mount); got != want {
			t.Errorf("%q: got %q; want %q", mount, got, want)
		}
	}
}

func TestCutMount(t *testing.T) {
	const no = "not below"
	for _, test := range []struct{ name, path, mount, want string }{
		{"the root", "/a", "", "/a"},
		{"the root itself", "/", "", "/"},
		{"nothing at the root", "", "", ""},
		{"the mount itself", "/app", "/app", ""},
		{"the mount as a folder", "/app/", "/app", "/"},
		{"below", "/app/a/b", "/app", "/a/b"},
		{"two segments", "/a/b/c", "/a/b", "/c"},
		{"the rest stays encoded", "/app/%2F%zz//", "/app", "/%2F%zz//"},
		{"an encoded letter", "/%61pp/x", "/app", "/x"},
		{"an encoded percent sign", "/a%25b/x", "/a%b", "/x"},
		{"an encoded space", "/a%20b", "/a b", ""},
		{"a longer segment", "/apple", "/app", no},
		{"a shorter path", "/ap", "/app", no},
		{"another case", "/APP/x", "/app", no},
		{"an encoded slash within", "/a%2Fb/c", "/a/b", no},
		{"an encoded slash at its end", "/app%2Fx", "/app", no},
		{"a repeated slash before", "//app/x", "/app", no},
		{"a repeated slash within", "/a//b", "/a/b", no},
		{"a broken escape", "/a%7", "/app", no},
		{"options for the whole server", "*", "/app", no},
		{"an asterisk at the root", "*", "", no},
		{"a relative path", "app/x", "/app", no},
	} {
		rest, ok := util.CutMount(test.path, test.mount)
		if want := test.want != no; ok != want || ok && rest != test.want {
			t.Errorf("%s: got %q, %v; want %q", test.name, rest, ok, test.want)
		}
	}
}

func TestDecodePath(t *testing.T) {
	for path, want := range map[string]string{
		"": "", "/a b": "/a b", "/a%20b": "/a b", "/%252c%2C": "/%2c,", "/%e3%81%82": "/\xe3\x81\x82", "/a+b": "/a+b", "/%2f": "//", "/\xff": "/\xff",
	} {
		if got, ok := util.DecodePath(path); !ok || got != want {
			t.Errorf("%q: got %q, %v; want %q", path, got, ok, want)
		}
	}
	for _, path := range []string{"/%", "/%4", "/%zz", "/%4z", "/%00", "/a\x00", "/%2\x00"} {
		if got, ok := util.DecodePath(path); ok {
			t.Errorf("%q: got %q; want it refused", path, got)
		}
	}
}
