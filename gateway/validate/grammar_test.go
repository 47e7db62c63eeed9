package validate

import "testing"

// TestGrammar has accepted and refused values for each piece of grammar.
func TestGrammar(t *testing.T) {
	tests := []struct {
		name    string
		is      func(string) bool
		yes, no []string
	}{
		{"token", isToken, []string{"GET", "a", "!#$%&'*+-.^_`|~", "0"}, []string{"", "a b", "a:b", "a\x00", "é", "a\x7f", "(", `"`}},
		{"text", isText, []string{"", "a b", "a\tb", "é", "\xff"}, []string{"a\x00", "\x1f", "\x7f", "\r", "\n"}},
		{"visible", isVisible, []string{"", "a b", "!~"}, []string{"a\tb", "é", "\xff", "\x7f", "\x1f"}},
		{"plain name", isPlainName, []string{"a", "X-Y", "X_1", "a--b", "A"}, []string{"", "1a", "-a", "a-", "a_", "a.b", "é", "a:", "a@", "[a"}},
		{"query", isQuery, []string{"", "a=b&c", "?x", "%20", "é", "[]", `"`}, []string{"a b", "a#b", "\x00", "\x7f", "\t"}},
		{"protocol", isProtocol, []string{"HTTP/1.1", "HTTP/2", "HTTP/10.20", "INCLUDED", "SPDY/3.1"},
			[]string{"", "HTTP", "HTTP/", "/1.1", "HTTP/1.", "HTTP/1.1.1", "HTTP/x", "included", "HTTP/-1", "H(/1.1"}},
		{"port", isPort, []string{"0", "80", "65535", "080"}, []string{"", "65536", "-1", "+1", " 1", "http", "1.0", "99999999999999999999"}},
		{"host", isHost, []string{"localhost", "a.b", "a-b", "127.0.0.1", "[::1]", "[fe80::1]", "_", "~a"},
			[]string{"", "::", "a:1", "[::1", "::1]", "[]", "[127.0.0.1]", "a b", "a@b", "a/b", "é"}},
		{"authority", isAuthority, []string{"a", "a:80", "a:", "[::1]", "[::1]:80", "127.0.0.1:1"},
			[]string{"", ":80", "a:b", "::1", "a@b:1", "[::1]x:80", "a:70000", "[::1]:x"}},
		{"address", isAddress, []string{"127.0.0.1", "::1", "fe80::1%eth0", "::ffff:1.2.3.4"}, []string{"", "[::1]", "127.0.0.1:80", "localhost", "1.2.3"}},
		{"digits", isDigits, []string{"0", "0123456789"}, []string{"", "-1", "1a", "½", "1 ", "/", ":"}},
		{"status", func(s string) bool { _, ok := parseStatus(s); return ok }, []string{"200 OK", "404 ", "999 a\tb", "100 é"},
			[]string{"", "200", "099 X", "20 OK", "2000 OK", "200\tOK", "200 a\nb", "+20 OK", "200OK", " 200 OK"}},
		{"length", func(s string) bool { _, ok := parseLength(s); return ok }, []string{"0", "007", "9223372036854775807"},
			[]string{"", "-1", "+1", "1_0", "0x5", "1.0", "9223372036854775808"}},
		{"escape", hasEscape, []string{"%41", "a%2Fb", "%%41"}, []string{"", "%", "%4", "%4x", "41", "%-1", "% 1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, s := range test.yes {
				if !test.is(s) {
					t.Errorf("%q is refused", s)
				}
			}
			for _, s := range test.no {
				if test.is(s) {
					t.Errorf("%q is taken", s)
				}
			}
		})
	}
}

func TestTarget(t *testing.T) {
	tests := []struct {
		method, uri string
		ok          bool
		path        string // of a valid target that has one
	}{
		{"GET", "/", true, "/"},
		{"GET", "//a/%2F?b?c", true, "//a/%2F"},
		{"GET", "http://h:1/a?b", true, "/a"},
		{"GET", "http://h", true, ""},
		{"GET", "http://h?x", true, ""},
		{"GET", "/a://b", true, "/a://b"},
		{"OPTIONS", "*", true, ""},
		{"OPTIONS", "http://h", true, ""},
		{"CONNECT", "h:443", true, ""},
		{"GET", "", false, ""},
		{"GET", "*", false, ""},
		{"GET", "h:443", false, ""},
		{"GET", "a/b", false, ""},
		{"GET", "://h/a", false, ""},
		{"GET", "/a b", false, ""},
		{"GET", "/a#b", false, ""},
		{"CONNECT", "/", false, ""},
		{"CONNECT", "http://h/", false, ""},
	}
	for _, test := range tests {
		ok := isTarget(test.method, test.uri)
		path := ""
		if ok {
			path, _ = targetPath(test.method, test.uri)
		}
		if ok != test.ok || path != test.path {
			t.Errorf("%s %s: got %v, %q; want %v, %q", test.method, test.uri, ok, path, test.ok, test.path)
		}
	}
}

func TestDecodesTo(t *testing.T) {
	tests := []struct {
		path, script, info string
		want               bool
	}{
		{"", "", "", true}, {"/", "", "", true}, {"", "", "/", true}, {"/", "", "/", true},
		{"/a/b", "/a", "/b", true}, {"/a/b", "", "/a/b", true}, {"/a/b", "/a/b", "", true},
		{"/%61%2fb", "/a", "/b", true}, {"/%", "", "/%", true}, {"/%zz", "", "/%zz", true}, {"/%25", "", "/%", true},
		{"/a/b", "/a", "", false}, {"/a", "/a", "/b", false}, {"/a//b", "/a", "/b", false}, {"/a", "", "/A", false},
		{"/%252f", "", "//", false}, {"/", "", "//", false}, {"//", "", "/", false}, {"", "/a", "", false}, {"/", "/", "", true},
	}
	for _, test := range tests {
		if got := decodesTo(test.path, test.script, test.info); got != test.want {
			t.Errorf("%q = %q + %q: got %v; want %v", test.path, test.script, test.info, got, test.want)
		}
	}
}
