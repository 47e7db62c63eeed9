package util_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/util"
)

// TestGuessScheme tests requirement A11.
func TestGuessScheme(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		want string
	}{
		{"nothing sent", nil, "http"},
		{"yes", []string{"HTTPS", "yes"}, "https"},
		{"on", []string{"HTTPS", "on"}, "https"},
		{"1", []string{"HTTPS", "1"}, "https"},
		{"off", []string{"HTTPS", "off"}, "http"},
		{"0", []string{"HTTPS", "0"}, "http"},
		{"true is no value of any server", []string{"HTTPS", "true"}, "http"},
		{"space around", []string{"HTTPS", " on"}, "http"},
		{"empty", []string{"HTTPS", ""}, "http"},
		{"the last HTTPS counts", []string{"HTTPS", "on", "HTTPS", "off"}, "http"},
		{"REQUEST_SCHEME http", []string{"REQUEST_SCHEME", "http"}, "http"},
		{"REQUEST_SCHEME other", []string{"REQUEST_SCHEME", "ftp"}, "http"},
		{"HTTPS on beats REQUEST_SCHEME", []string{"HTTPS", "on", "REQUEST_SCHEME", "http"}, "https"},
		{"HTTPS off beats REQUEST_SCHEME", []string{"HTTPS", "off", "REQUEST_SCHEME", "https"}, "http"},
		{"the client's X-Forwarded-Proto is not believed", []string{"HTTP_X_FORWARDED_PROTO", "https"}, "http"},
		{"departure: HTTPS ON", []string{"HTTPS", "ON"}, "https"},
		{"departure: HTTPS Yes", []string{"HTTPS", "Yes"}, "https"},
		{"departure: REQUEST_SCHEME alone", []string{"REQUEST_SCHEME", "https"}, "https"},
		{"departure: REQUEST_SCHEME and empty HTTPS", []string{"HTTPS", "", "REQUEST_SCHEME", "HTTPS"}, "https"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := util.GuessScheme(environ(test.env...)); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
		})
	}
}

// uriRow has the variables of one request, the URL of the application, and that of the request with
// its query.
type uriRow struct {
	name             string
	env              []string
	application, uri string
}

func testURIs(t *testing.T, rows []uriRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e := environ(row.env...)
			if got := util.ApplicationURI(e); got != row.application {
				t.Errorf("ApplicationURI: got %q; want %q", got, row.application)
			}
			if got := util.RequestURI(e, true); got != row.uri {
				t.Errorf("RequestURI: got %q; want %q", got, row.uri)
			}
			withoutQuery, _, _ := strings.Cut(row.uri, "?")
			if got := util.RequestURI(e, false); got != withoutQuery {
				t.Errorf("RequestURI without the query: got %q; want %q", got, withoutQuery)
			}
		})
	}
}

// TestURIHost tests requirement A11.
func TestURIHost(t *testing.T) {
	testURIs(t, []uriRow{
		{"HTTP_HOST as it is, its default port too", []string{"HTTP_HOST", "h:80", "SERVER_NAME", "n", "SERVER_PORT", "8080"}, "http://h:80/", "http://h:80/"},
		{"SERVER_NAME and the scheme's port", []string{"SERVER_NAME", "n", "SERVER_PORT", "80"}, "http://n/", "http://n/"},
		{"SERVER_NAME and another port", []string{"SERVER_NAME", "n", "SERVER_PORT", "8000"}, "http://n:8000/", "http://n:8000/"},
		{"empty HTTP_HOST", []string{"HTTP_HOST", "", "SERVER_NAME", "n", "SERVER_PORT", "81"}, "http://n:81/", "http://n:81/"},
		{"https and its port", []string{"HTTPS", "on", "SERVER_NAME", "n", "SERVER_PORT", "443"}, "https://n/", "https://n/"},
		{"https on port 80", []string{"HTTPS", "on", "SERVER_NAME", "n", "SERVER_PORT", "80"}, "https://n:80/", "https://n:80/"},
		{"http on port 443", []string{"SERVER_NAME", "n", "SERVER_PORT", "443"}, "http://n:443/", "http://n:443/"},
		{"SERVER_NAME with brackets", []string{"SERVER_NAME", "[::1]", "SERVER_PORT", "8000"}, "http://[::1]:8000/", "http://[::1]:8000/"},
	})
}

func TestURIPath(t *testing.T) {
	testURIs(t, []uriRow{
		{"root", []string{"HTTP_HOST", "h", "PATH_INFO", "/"}, "http://h/", "http://h/"},
		{"no path at all", []string{"HTTP_HOST", "h"}, "http://h/", "http://h/"},
		{"script alone, as nginx sends with stock files", []string{"HTTP_HOST", "h", "SCRIPT_NAME", "/app/x"}, "http://h/app/x", "http://h/app/x"},
		{"both", []string{"HTTP_HOST", "h", "SCRIPT_NAME", "/app", "PATH_INFO", "/x/y"}, "http://h/app", "http://h/app/x/y"},
		{"slash at the end of the script", []string{"HTTP_HOST", "h", "SCRIPT_NAME", "/a/", "PATH_INFO", "/b"}, "http://h/a/", "http://h/a//b"},
		{"repeated slashes", []string{"HTTP_HOST", "h", "PATH_INFO", "//x///y//"}, "http://h/", "http://h//x///y//"},
		{"dots are not resolved", []string{"HTTP_HOST", "h", "PATH_INFO", "/a/../b/./c"}, "http://h/", "http://h/a/../b/./c"},
		{"parameters", []string{"HTTP_HOST", "h", "SCRIPT_NAME", "/s", "PATH_INFO", "/ham;cookie=1234,5678"}, "http://h/s", "http://h/s/ham;cookie=1234,5678"},
		{"unreserved", []string{"HTTP_HOST", "h", "PATH_INFO", "/Az09~-._"}, "http://h/", "http://h/Az09~-._"},
		{"reserved and unsafe", []string{"HTTP_HOST", "h", "PATH_INFO", "/!$'()*+:@& %?#\"<>\\^`{|}[]"}, "http://h/",
			"http://h/%21%24%27%28%29%2A%2B%3A%40%26%20%25%3F%23%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D"},
		{"Latin-1", []string{"HTTP_HOST", "h", "SCRIPT_NAME", "/sp\xe4m", "PATH_INFO", "/sp\xe4m"}, "http://h/sp%E4m", "http://h/sp%E4m/sp%E4m"},
		{"controls", []string{"HTTP_HOST", "h", "PATH_INFO", "/\x00\r\n\x7f"}, "http://h/", "http://h/%00%0D%0A%7F"},
		{"REQUEST_URI is not read", []string{"HTTP_HOST", "h", "PATH_INFO", "/new", "REQUEST_URI", "/old"}, "http://h/", "http://h/new"},
		{"SSI sends SERVER_PROTOCOL INCLUDED (A12)", []string{"HTTP_HOST", "h", "PATH_INFO", "/x", "SERVER_PROTOCOL", "INCLUDED"}, "http://h/", "http://h/x"},
	})
}

func TestURIQuery(t *testing.T) {
	testURIs(t, []uriRow{
		{"encoded already", []string{"HTTP_HOST", "h", "PATH_INFO", "/", "QUERY_STRING", "a=%20b+c&d=%zz"}, "http://h/", "http://h/?a=%20b+c&d=%zz"},
		{"empty", []string{"HTTP_HOST", "h", "PATH_INFO", "/x", "QUERY_STRING", ""}, "http://h/", "http://h/x"},
		{"what browsers send", []string{"HTTP_HOST", "h", "PATH_INFO", "/", "QUERY_STRING", "a[]='{|}'\\^`?/"}, "http://h/", "http://h/?a[]='{|}'\\^`?/"},
	})
}

// TestURIDeparturesFromPython has a row for each difference that the documentation of
// ApplicationURI and RequestURI lists.
func TestURIDeparturesFromPython(t *testing.T) {
	testURIs(t, []uriRow{
		{"PATH_INFO without its slash, Python http://h/sx", []string{"HTTP_HOST", "h", "SCRIPT_NAME", "/s", "PATH_INFO", "x"},
			"http://h/s", "http://h/s/x"},
		{"the same without SCRIPT_NAME, Python http://h/", []string{"HTTP_HOST", "h", "PATH_INFO", "x"}, "http://h/", "http://h/x"},
		{"SCRIPT_NAME without its slash, Python http://happ/x", []string{"HTTP_HOST", "h", "SCRIPT_NAME", "app", "PATH_INFO", "/x"},
			"http://h/app", "http://h/app/x"},
		{"SCRIPT_NAME a slash, Python http://h//x", []string{"HTTP_HOST", "h", "SCRIPT_NAME", "/", "PATH_INFO", "/x"}, "http://h/", "http://h/x"},
		{"SCRIPT_NAME quoted as PATH_INFO is, Python /a%3Bb%3D1%2C2", []string{"HTTP_HOST", "h", "SCRIPT_NAME", "/a;b=1,2"}, "http://h/a;b=1,2", "http://h/a;b=1,2"},
		{"bytes past Latin-1, Python UnicodeEncodeError", []string{"HTTP_HOST", "h", "SCRIPT_NAME", "/あ", "PATH_INFO", "/あ"},
			"http://h/%E3%81%82", "http://h/%E3%81%82/%E3%81%82"},
		{"query that ends the URL, Python raw", []string{"HTTP_HOST", "h", "PATH_INFO", "/", "QUERY_STRING", "a b\r\n#\"<>\x7f\xe4"},
			"http://h/", "http://h/?a%20b%0D%0A%23%22%3C%3E%7F%E4"},
		{"IPv6 SERVER_NAME, Python http://::1:8000/", []string{"SERVER_NAME", "::1", "SERVER_PORT", "8000"}, "http://[::1]:8000/", "http://[::1]:8000/"},
		{"empty SERVER_NAME, Python http://:8000/", []string{"SERVER_NAME", "", "SERVER_ADDR", "::1", "SERVER_PORT", "8000"},
			"http://[::1]:8000/", "http://[::1]:8000/"},
		{"no SERVER_PORT, Python KeyError", []string{"HTTPS", "on", "SERVER_NAME", "n"}, "https://n/", "https://n/"},
		{"nothing at all, Python KeyError", nil, "http:///", "http:///"},
	})
}

// FuzzRequestURI: for any three variables the URL parses, its decoded path is SCRIPT_NAME and
// PATH_INFO, and its query decodes to QUERY_STRING.
func FuzzRequestURI(f *testing.F) {
	f.Add("", "/", "")
	f.Add("/app", "/x y/%2c/あ", "a=b&c=%20")
	f.Add("app", "x", "a b#c")
	f.Add("/", "//x", "?")
	f.Add("//", "", "\r\n")
	f.Add("/a;b=1,2", "/\xff\x00:@", "\xff\x00\"<>")
	f.Fuzz(func(t *testing.T, script, info, query string) {
		e := environ("SERVER_NAME", "h", "SCRIPT_NAME", script, "PATH_INFO", info, "QUERY_STRING", query)
		uri := util.RequestURI(e, true)
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatalf("%q: %v", uri, err)
		}
		if want := wantPath(script, info); u.Path != want || u.Host != "h" || u.Fragment != "" {
			t.Errorf("%q: got host %q, path %q, fragment %q; want path %q", uri, u.Host, u.Path, u.Fragment, want)
		}
		if got := decodeLeniently(u.RawQuery); got != decodeLeniently(query) {
			t.Errorf("%q: got query %q; want it to decode as %q", uri, u.RawQuery, query)
		}
		if strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("%q holds a byte that no URL may", uri)
		}
	})
}

// wantPath returns the path of a request with these two variables.
func wantPath(script, info string) string {
	if strings.Trim(script, "/") == "" {
		script = ""
	}
	var path string
	for _, part := range []string{script, info} {
		if part != "" {
			path += "/" + strings.TrimPrefix(part, "/")
		}
	}
	if path == "" {
		return "/"
	}
	return path
}

// decodeLeniently decodes each valid %XX. It does not change invalid ones, which a query must keep.
func decodeLeniently(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+3 <= len(s) && s[i] == '%' {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func BenchmarkRequestURI(b *testing.B) {
	e := environ(nginxSCGI...)
	b.ReportAllocs()
	for b.Loop() {
		util.RequestURI(e, true)
	}
}
