package listen

import (
	"errors"
	"strings"
	"testing"
)

// addresses has all forms of an address, and what String returns for each ("" if it is the same
// text). S14 names the SCGI forms.
var addresses = []struct {
	name string
	in   string
	want Address
	out  string
}{
	{"http", "http://127.0.0.1:8080", Address{Protocol: "http", Network: "tcp", Host: "127.0.0.1", Port: 8080}, ""},
	{"fastcgi tcp", "fastcgi://127.0.0.1:9000", Address{Protocol: "fastcgi", Network: "tcp", Host: "127.0.0.1", Port: 9000}, ""},
	{"scgi tcp", "scgi://10.0.0.1:4000", Address{Protocol: "scgi", Network: "tcp", Host: "10.0.0.1", Port: 4000}, ""},
	{"auto tcp", "auto://[::1]:9000", Address{Protocol: "auto", Network: "tcp", Host: "::1", Port: 9000}, ""},
	{"slash at the end", "http://127.0.0.1:80/", Address{Protocol: "http", Network: "tcp", Host: "127.0.0.1", Port: 80}, "http://127.0.0.1:80"},
	{"scheme in capitals", "HTTP://127.0.0.1:80", Address{Protocol: "http", Network: "tcp", Host: "127.0.0.1", Port: 80}, "http://127.0.0.1:80"},
	{"scheme, no host", "scgi://:4000", Address{Protocol: "scgi", Network: "tcp", Host: "127.0.0.1", Port: 4000}, "scgi://127.0.0.1:4000"},
	{"scheme, port alone", "scgi://4000", Address{Protocol: "scgi", Network: "tcp", Host: "127.0.0.1", Port: 4000}, "scgi://127.0.0.1:4000"},
	{"host like a scheme", "scgi://unix:80", Address{Protocol: "scgi", Network: "tcp", Host: "unix", Port: 80}, ""},
	{"fastcgi unix", "fastcgi+unix:/run/app.sock?mode=0660&owner=www-data&group=33", Address{Protocol: "fastcgi", Network: "unix", Path: "/run/app.sock", Mode: 0o660, Owner: "www-data", Group: "33"}, ""},
	{"options in another order", "unix:/a?group=g&mode=600", Address{Network: "unix", Path: "/a", Mode: 0o600, Group: "g"}, "unix:/a?mode=0600&group=g"},
	{"scgi unix", "scgi+unix:/run/app.sock", Address{Protocol: "scgi", Network: "unix", Path: "/run/app.sock"}, ""},
	{"rTorrent's form", "scgi+unix:///run/rpc.sock", Address{Protocol: "scgi", Network: "unix", Path: "/run/rpc.sock"}, "scgi+unix:/run/rpc.sock"},
	{"http unix", "http+unix:/run/app.sock", Address{Protocol: "http", Network: "unix", Path: "/run/app.sock"}, ""},
	{"auto unix", "auto+unix:/run/app.sock", Address{Protocol: "auto", Network: "unix", Path: "/run/app.sock"}, ""},
	{"abstract", "unix:@app", Address{Network: "unix", Path: "@app"}, ""},
	{"relative", "unix:app.sock", Address{Network: "unix", Path: "app.sock"}, ""},
	{"percent is itself", "unix:/a%20b", Address{Network: "unix", Path: "/a%20b"}, ""},
	{"spaces and UTF-8", "unix:/a b/é", Address{Network: "unix", Path: "/a b/é"}, ""},
	{"proxy over tcp", "http://127.0.0.1:80?proxy=1", Address{Protocol: "http", Network: "tcp", Host: "127.0.0.1", Port: 80, Proxy: true}, ""},
	{"proxy as a URL", "http://[::1]:80/?proxy=1", Address{Protocol: "http", Network: "tcp", Host: "::1", Port: 80, Proxy: true}, "http://[::1]:80?proxy=1"},
	{"proxy without a scheme", "9000?proxy=1", Address{Network: "tcp", Host: "127.0.0.1", Port: 9000, Proxy: true}, "127.0.0.1:9000?proxy=1"},
	{"no proxy", "auto://127.0.0.1:80?proxy=0", Address{Protocol: "auto", Network: "tcp", Host: "127.0.0.1", Port: 80}, "auto://127.0.0.1:80"},
	{"proxy over unix", "auto+unix:/a?proxy=1&mode=600", Address{Protocol: "auto", Network: "unix", Path: "/a", Mode: 0o600, Proxy: true}, "auto+unix:/a?mode=0600&proxy=1"},
	{"proxy and takeover", "unix:/a?takeover=1&proxy=1", Address{Network: "unix", Path: "/a", Takeover: true, Proxy: true}, ""},
	{"abstract proxy", "unix:@app?proxy=1", Address{Network: "unix", Path: "@app", Proxy: true}, ""},
	{"fd", "fastcgi+fd:0", Address{Protocol: "fastcgi", Network: "fd"}, ""},
	{"systemd", "fastcgi+systemd:web", Address{Protocol: "fastcgi", Network: "systemd", Name: "web"}, ""},
	{"systemd, the only one", "scgi+systemd:", Address{Protocol: "scgi", Network: "systemd"}, ""},
	{"cgi", "cgi:/srv/cgi-bin", Address{Protocol: "cgi", Path: "/srv/cgi-bin"}, ""},
	{"cgi relative", "cgi:hello.cgi", Address{Protocol: "cgi", Path: "hello.cgi"}, ""},
	{"files", "files:/srv/www", Address{Protocol: "files", Path: "/srv/www"}, ""},
	{"files as a URL", "files:///srv/a?b", Address{Protocol: "files", Path: "/srv/a?b"}, "files:/srv/a?b"},
	{"files on Windows", `files:C:\www`, Address{Protocol: "files", Path: `C:\www`}, ""},
	{"spawn", "spawn:/srv/app.fcgi -x 'a b'", Address{Protocol: "spawn", Path: "/srv/app.fcgi -x 'a b'"}, ""},
	{"demo", "demo:", Address{Protocol: "demo"}, ""},
	{"bare tcp", "127.0.0.1:9000", Address{Network: "tcp", Host: "127.0.0.1", Port: 9000}, ""},
	{"all of IPv4", "0.0.0.0:9000", Address{Network: "tcp", Host: "0.0.0.0", Port: 9000}, ""},
	{"all", "[::]:9000", Address{Network: "tcp", Host: "::", Port: 9000}, ""},
	{"zone", "[fe80::1%eth0]:9000", Address{Network: "tcp", Host: "fe80::1%eth0", Port: 9000}, ""},
	{"name", "localhost:0", Address{Network: "tcp", Host: "localhost"}, ""},
	{"name with all", "My_host-1.example.:65535", Address{Network: "tcp", Host: "My_host-1.example.", Port: 65535}, ""},
	{"no host is loopback", ":9000", Address{Network: "tcp", Host: "127.0.0.1", Port: 9000}, "127.0.0.1:9000"},
	{"port alone is loopback", "9000", Address{Network: "tcp", Host: "127.0.0.1", Port: 9000}, "127.0.0.1:9000"},
	{"bare unix", "unix:/run/app.sock", Address{Network: "unix", Path: "/run/app.sock"}, ""},
	{"bare path", "/run/app.sock", Address{Network: "unix", Path: "/run/app.sock"}, "unix:/run/app.sock"},
	{"bare path with mode", "/run/app.sock?mode=0777", Address{Network: "unix", Path: "/run/app.sock", Mode: 0o777}, "unix:/run/app.sock?mode=0777"},
	{"bare path with a colon", "./a:b", Address{Network: "unix", Path: "./a:b"}, "unix:./a:b"},
	{"bare path upwards", "../a", Address{Network: "unix", Path: "../a"}, "unix:../a"},
	{"bare fd", "fd:3", Address{Network: "fd", FD: 3}, ""},
	{"bare systemd", "systemd:0", Address{Network: "systemd", Name: "0"}, ""},
}

func TestParse(t *testing.T) {
	for _, tt := range addresses {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.in)
			if err != nil || got != tt.want {
				t.Fatalf("Parse(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
			}
			out := tt.out
			if out == "" {
				out = tt.in
			}
			if got.String() != out {
				t.Errorf("String() = %q; want %q", got, out)
			}
		})
	}
}

// badAddresses has mistakes, each with a part of its error.
var badAddresses = []struct {
	name, in, want string
}{
	{"empty", "", "is empty: write HOST:PORT"},
	{"NUL", "unix:/run/a\x00b", `control character '\x00'`},
	{"line end", "127.0.0.1:80\n", `control character '\n'`},
	{"no port", "127.0.0.1", "has no port: write HOST:PORT"},
	{"no port with scheme", "http://localhost", "has no port"},
	{"no port at all", "http://", "has no port"},
	{"empty port", "localhost:", `has the port ""`},
	{"service name", "localhost:http", `has the port "http": write a number`},
	{"port too large", "localhost:65536", `has the port "65536"`},
	{"port with sign", "localhost:+80", `has the port "+80"`},
	{"negative port", ":-1", `has the port "-1"`},
	{"lone word", "app.sock", "unix:PATH"},
	{"IPv6 without brackets", "::1:9000", "without brackets"},
	{"IPv6 without port", "[::1]", "no [IPv6]:PORT"},
	{"IPv4 in brackets", "[127.0.0.1]:80", "no [IPv6]:PORT"},
	{"open bracket", "[::1:80", "no [IPv6]:PORT"},
	{"star", "*:80", "write 0.0.0.0"},
	{"short IPv4", "127.1:80", "not an IPv4 address"},
	{"IPv4 with leading zeros", "127.0.0.010:80", "not an IPv4 address"},
	{"user", "http://me@host:80", "not a name or an address"},
	{"space", "my host:80", "not a name or an address"},
	{"path", "http://host:80/app", `has "/app" after host and port`},
	{"slash without a scheme", "host:80/", `has "/" after host and port`},
	{"option of unix", "http://host:80?mode=0660", `has the option "mode", which is unknown here: write proxy`},
	{"proxy of neither kind", "http://host:80?proxy=v2", `proxy="v2": write 0 or 1`},
	{"proxy empty", "http://host:80?proxy", `proxy="": write 0 or 1`},
	{"proxy twice", "http://host:80?proxy=1&proxy=1", `the option "proxy" twice`},
	{"no option over tcp", "host:80?", `the option "", which is unknown here: write proxy`},
	{"path after an option", "http://host:80?proxy=1/", `proxy="1/": write 0 or 1`},
	{"unknown scheme", "uwsgi://127.0.0.1:3031", `begins with "uwsgi:"`},
	{"unknown protocol", "uwsgi+unix:/run/a", `begins with "uwsgi+unix:"`},
	{"unknown network", "scgi+tcp:127.0.0.1:80", `begins with "scgi+tcp:"`},
	{"target with network", "cgi+unix:/run/a", `begins with "cgi+unix:"`},
	{"protocol alone", "fastcgi:9000", "write fastcgi://HOST:PORT, or fastcgi+unix:/PATH"},
	{"protocol with a path", "scgi:///run/app.sock", "or scgi+unix:/PATH"},
	{"unix without path", "unix:", "has no path"},
	{"unix with options only", "unix:?mode=0660", "has no path"},
	{"unix with host", "scgi+unix://run/app.sock", "has a host where only a path is allowed"},
	{"bare path with host", "//run/app.sock", "has a host where only a path is allowed"},
	{"unix folder", "unix:/run/", "ends in a slash"},
	{"unix path too long", "unix:/" + strings.Repeat("x", maxSocketPath), "a unix socket's may have"},
	{"unknown option", "unix:/a?backlog=5", `unknown option "backlog": write mode, owner, group, takeover or proxy`},
	{"takeover of neither kind", "unix:/a?takeover=yes", `takeover="yes": write 0 or 1`},
	{"no option", "unix:/a?", `unknown option ""`},
	{"option twice", "unix:/a?mode=0660&mode=0660", `the option "mode" twice`},
	{"owner empty", "unix:/a?owner=", `"owner" without a value`},
	{"group bare", "unix:/a?group", `"group" without a value`},
	{"mode not octal", "unix:/a?mode=0880", `mode "0880": write it in octal`},
	{"mode too large", "unix:/a?mode=1777", `mode "1777"`},
	{"mode without a bit", "unix:/a?mode=0", `mode "0"`},
	{"mode in words", "unix:/a?mode=rw", `mode "rw"`},
	{"mode empty", "unix:/a?mode=", `mode ""`},
	{"abstract with mode", "unix:@a?mode=0600", "write proxy (an abstract socket has no file"},
	{"fd without number", "fd:", "has no descriptor number"},
	{"fd negative", "fastcgi+fd:-1", "has no descriptor number"},
	{"fd too large", "fd:2147483648", "has no descriptor number"},
	{"systemd name", "systemd:a:b", "systemd does not allow"},
	{"systemd long name", "systemd:" + strings.Repeat("x", 256), "systemd does not allow"},
	{"cgi without path", "cgi:", "has no path"},
	{"spawn without program", "spawn: ", "names no program"},
	{"files with host", "files://srv/www", "write one slash, or three"},
	{"demo with more", "demo:x", "has text after demo:"},
}

func TestParseErrors(t *testing.T) {
	for _, tt := range badAddresses {
		t.Run(tt.name, func(t *testing.T) {
			a, err := Parse(tt.in)
			var ae *AddressError
			if !errors.As(err, &ae) {
				t.Fatalf("Parse(%q) = %+v, %v; want an *AddressError", tt.in, a, err)
			}
			if ae.Input != tt.in || !strings.Contains(ae.Reason, tt.want) || a != (Address{}) {
				t.Errorf("Parse(%q) = %+v, %+v; want a reason with %q", tt.in, a, ae, tt.want)
			}
		})
	}
}

func TestAddressErrorIsCut(t *testing.T) {
	_, err := Parse(strings.Repeat("x", 1<<20))
	if want := `listen: address "` + strings.Repeat("x", 100) + `"... has no port`; err == nil || !strings.HasPrefix(err.Error(), want) || len(err.Error()) > 300 {
		t.Errorf("got %.400v; want %s...", err, want)
	}
}

func TestLongestPath(t *testing.T) {
	if _, err := Parse("unix:/" + strings.Repeat("x", maxSocketPath-1)); err != nil {
		t.Error(err)
	}
}

func TestParseFor(t *testing.T) {
	for _, tt := range []struct{ name, in, want, wantErr string }{
		{"its own scheme", "fastcgi://127.0.0.1:1", "fastcgi://127.0.0.1:1", ""},
		{"its own scheme and unix", "fastcgi+unix:/a", "fastcgi+unix:/a", ""},
		{"no scheme", ":1", "fastcgi://127.0.0.1:1", ""},
		{"no scheme and unix", "/a", "fastcgi+unix:/a", ""},
		{"another protocol", "scgi://127.0.0.1:1", "", "has the protocol scgi: here it must be fastcgi, or none"},
		{"auto", "auto://127.0.0.1:1", "", "has the protocol auto: here it must be fastcgi, or none"},
		{"a target", "demo:", "", "has the protocol demo: here it must be fastcgi, or none"},
		{"a mistake", "nothing", "", "has no port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := ParseFor("fastcgi", tt.in)
			if tt.wantErr != "" {
				var ae *AddressError
				if !errors.As(err, &ae) || ae.Input != tt.in || !strings.Contains(ae.Reason, tt.wantErr) {
					t.Errorf("got %v, %v; want an *AddressError with %q", a, err, tt.wantErr)
				}
			} else if err != nil || a.String() != tt.want {
				t.Errorf("got %v, %v; want %s", a, err, tt.want)
			}
		})
	}
}

// FuzzParse checks that Parse of String returns the same Address, and that each error is an
// *AddressError.
func FuzzParse(f *testing.F) {
	for _, tt := range addresses {
		f.Add(tt.in)
	}
	for _, tt := range badAddresses {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		if err != nil {
			var ae *AddressError
			if !errors.As(err, &ae) || ae.Input != s || ae.Reason == "" {
				t.Fatalf("Parse(%q): %#v; want an *AddressError with a reason", s, err)
			}
			return
		}
		again, err := Parse(a.String())
		if err != nil || again != a {
			t.Fatalf("Parse(%q) = %+v, which String writes as %q, which is %+v, %v", s, a, a, again, err)
		}
		if a.Network == "tcp" && a.Host == "" {
			t.Fatalf("Parse(%q) = %+v: no host would be all addresses", s, a)
		}
	})
}
