package exchange_test

import (
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// targetRow is the expected result of a path for a script at name.
type targetRow struct {
	path  string // as sent
	name  string // of the script, to the end of a segment of names; empty for none
	names string // the result of Names
	whole bool
	info  string // PATH_INFO after name, or "400"
}

var targetRows = []targetRow{
	{"", "", "", true, ""},
	{"/", "", "/", true, "/"},
	{"/x.sh", "/x.sh", "/x.sh", true, ""},
	{"/x.sh/", "/x.sh", "/x.sh/", true, "/"},
	{"/x.sh/a/b/", "/x.sh", "/x.sh/a/b/", true, "/a/b/"},

	// Empty and dot segments are removed.
	{"//x.sh", "/x.sh", "/x.sh", true, ""},
	{"/./x.sh", "/x.sh", "/x.sh", true, ""},
	{"/a/../x.sh", "/x.sh", "/x.sh", true, ""},
	{"/%2e/a/%2E%2e/x.sh", "/x.sh", "/x.sh", true, ""},
	{"/a/b/../../x.sh", "/x.sh", "/x.sh", true, ""},
	{"/x.sh//a//b//", "/x.sh", "/x.sh/a/b/", true, "/a/b/"},
	{"/x.sh/.", "/x.sh", "/x.sh/", true, "/"},
	{"/x.sh/a/..", "/x.sh", "/x.sh/", true, "/"},
	{"/x.sh/..", "", "/", true, "/"},
	{"/x.sh/../y.sh", "/y.sh", "/y.sh", true, ""},
	{"/x.sh/%2e%2e/y", "", "/y", true, "/y"},
	{"/.", "", "/", true, "/"},
	{"/..a/...", "", "/..a/...", true, "/..a/..."},

	// An encoded slash is part of a segment until the script is found.
	{"/x.sh/a%2Fb", "/x.sh", "/x.sh", false, "/a/b"},
	{"/x.sh/%2f", "/x.sh", "/x.sh", false, "/"},
	{"/x.sh/a%2f%2fb/c", "/x.sh", "/x.sh", false, "/a/b/c"},
	{"/x.sh%2fa", "", "", false, "/x.sh/a"},
	{"/a%2fx.sh", "", "", false, "/a/x.sh"},
	{"/d/a%2fb/x.sh", "/d", "/d", false, "/a/b/x.sh"},
	{"/x.sh/a%2f..%2fb", "/x.sh", "/x.sh", false, "/b"},
	{"/x.sh/..%2fy.sh", "/x.sh", "/x.sh", false, "400"},
	{"/x.sh/a%2f..%2f..%2fb", "/x.sh", "/x.sh", false, "400"},
	{"/x.sh/a%2f..%2f..%2fb", "", "/x.sh", false, "/b"},
	{"/a%2f..%2f..%2fb", "", "", false, "400"},

	// Everything else is decoded once, in any character encoding.
	{"/%78.sh/a%20b", "/x.sh", "/x.sh/a b", true, "/a b"},
	{"/%252e%252e/%252f", "", "/%2e%2e/%2f", true, "/%2e%2e/%2f"},
	{"/x.sh/%252fa%2fb", "/x.sh", "/x.sh", false, "/%2fa/b"},
	{"/a%0ab/\xff%ff", "", "/a\nb/\xff\xff", true, "/a\nb/\xff\xff"},
	{`/a\..\b`, "", `/a\..\b`, true, `/a\..\b`},
	{"/a;x=1/+&,b", "", "/a;x=1/+&,b", true, "/a;x=1/+&,b"},
}

// TestTarget: RFC 3986 section 5.2.4 for the whole path, and then the split (C28, C15).
func TestTarget(t *testing.T) {
	for _, row := range targetRows {
		target, err := exchange.ParseTarget(row.path)
		if err != nil {
			t.Errorf("%q: %v", row.path, err)
			continue
		}
		if names, whole := target.Names(); names != row.names || whole != row.whole {
			t.Errorf("%q: got the names %q, %v; want %q, %v", row.path, names, whole, row.names, row.whole)
		}
		info, err := target.After(row.name)
		if err != nil {
			info = "400"
		}
		if info != row.info {
			t.Errorf("%q after %q: got PATH_INFO %q, %v; want %q", row.path, row.name, info, err, row.info)
		}
	}
}

func TestBadTarget(t *testing.T) {
	for _, sent := range []string{
		"/..", "/../x", "/a/../../x", "/%2e%2e/x", "/x.sh/../../y", "//..", "/./../x", "/%", "/a%4", "/%zz/x", "/%00", "/a\x00", "/a/%00/..", "x", "*",
		"/a/%zz/../x", "http://h/",
	} {
		target, err := exchange.ParseTarget(sent)
		bad := (*gateway.RequestError)(nil)
		if status, _ := gateway.ErrorPage(err); !errors.As(err, &bad) || status != "400 Bad Request" {
			t.Errorf("%q: got %+v, %v; want a RequestError", sent, target, err)
		}
	}
	_, err := exchange.ParseTarget("/%00" + strings.Repeat("x", 1000))
	if bad := (*gateway.RequestError)(nil); !errors.As(err, &bad) || len(bad.Input) > 64 {
		t.Errorf("got %v; want its input cut", err)
	}
}

func TestTargetBelow(t *testing.T) {
	const outside = "outside"
	for _, test := range []struct{ sent, mount, info string }{
		{"/app/x", "/app", "/x"},
		{"/app", "/app", ""},
		{"/app/", "/app", "/"},
		{"//app//x", "/app", "/x"},
		{"/y/../app/x", "/app", "/x"},
		{"/%61pp/a%2Fb", "/app", "/a/b"},
		{"/x", "", "/x"},
		{"/apple", "/app", outside},
		{"/app/../x", "/app", outside},
		{"/app%2fx", "/app", outside},
		{"/a%2fb/x", "/a/b", outside},
	} {
		target, err := exchange.ParseTarget(test.sent)
		if err != nil {
			t.Fatal(err)
		}
		rest, ok := target.Below(test.mount)
		info, _ := rest.After("")
		if want := test.info != outside; ok != want || ok && info != test.info {
			t.Errorf("%s below %s: got %q, %v; want %q", test.sent, test.mount, info, ok, test.info)
		}
	}
}

// TestTargetOf: the path as it was sent is used while it equals that of the variables.
func TestTargetOf(t *testing.T) {
	for _, test := range []struct {
		name, sent, script, info string
		names                    string // "web server" where there is no Target
		whole                    bool
	}{
		{"as it came", "/a%2fb/../c", "", "/a/b/../c", "/c", true},
		{"an encoded slash", "/d/a%2fb", "", "/d/a/b", "/d", false},
		{"mounted", "/app/d/a%2fb", "/app", "/d/a/b", "/app/d", false},
		{"moved on by one segment", "/app/d/a%2fb", "/app/d", "/a/b", "/app/d", false},
		{"in normal form", "//d/./a%2fb", "", "/d/a/b", "/d", false},
		{"in normal form, above a script", "/d/a%2f..%2f..%2fb", "", "/b", "/d", false},
		{"another path", "/d/a%2fb", "", "/e//f", "/e/f", true},
		{"another path with a percent sign", "/d", "", "/e%2ff", "/e%2ff", true},
		{"another path that was malformed", "/%zz", "", "/e", "/e", true},
		{"no path left", "/d", "", "", "", true},
		{"the root's SCRIPT_NAME as some have it", "/d", "/", "/d", "/d", true},
		{"a web server's", "", "", "/d", "web server", false},
		{"options for the whole server", "*", "", "", "web server", false},
	} {
		r := &gateway.Request{EscapedPath: test.sent, Environ: util.EnvironFromMap(map[string]string{
			"SCRIPT_NAME": test.script, "PATH_INFO": test.info,
		})}
		target, ok, err := exchange.TargetOf(r)
		names, whole := target.Names()
		if !ok {
			names, whole = "web server", false
		}
		if err != nil || names != test.names || whole != test.whole {
			t.Errorf("%s: got %q, %v, %v; want %q, %v", test.name, names, whole, err, test.names, test.whole)
		}
	}
}

func TestTargetCost(t *testing.T) {
	r := &gateway.Request{EscapedPath: "/app/hello/", Environ: util.EnvironFromMap(map[string]string{"SCRIPT_NAME": "", "PATH_INFO": "/app/hello/"})}
	got := testing.AllocsPerRun(100, func() {
		target, _, _ := exchange.TargetOf(r)
		target, _ = target.Below("/app")
		target.Names()
		target.After("/hello")
	})
	if got > 0 {
		t.Errorf("got %v allocations for a plain path; want none", got)
	}
}

// FuzzTarget: no path has a segment that leads elsewhere, normal form is normal form of itself, and
// for a path without encoded slashes it is path.Clean's.
func FuzzTarget(f *testing.F) {
	for _, row := range targetRows {
		f.Add(row.path)
	}
	f.Add("/../x")
	f.Add("/a/../%2e%2e")
	f.Fuzz(func(t *testing.T, sent string) {
		target, err := exchange.ParseTarget(sent)
		if err != nil {
			return
		}
		names, whole := target.Names()
		info, err := target.After("")
		for _, path := range []string{names, info} {
			for i, segment := range strings.Split(path, "/") {
				last := i == strings.Count(path, "/")
				if segment == "." || segment == ".." || segment == "" && i > 0 && !last {
					t.Errorf("%q: got %q", sent, path)
				}
			}
		}
		if plain, _ := util.DecodePath(sent); whole && sent != "" && path.Clean(plain) != path.Clean(names) && !strings.Contains(strings.ToLower(sent), "%2f") {
			t.Errorf("%q: got %q; want %q", sent, names, path.Clean(plain))
		}
		if whole && (err != nil || info != names) {
			t.Errorf("%q: got PATH_INFO %q, %v; want %q", sent, info, err, names)
		}
		again, err := exchange.ParseTarget(strings.ReplaceAll(names, "%", "%25"))
		if same, _ := again.Names(); err != nil || same != names {
			t.Errorf("%q: got %q, %v from %q", sent, same, err, names)
		}
	})
}
