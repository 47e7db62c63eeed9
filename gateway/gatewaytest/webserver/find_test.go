package webserver

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// recorder is a testing.TB that records Skip and Fatal.
type recorder struct {
	testing.TB
	skipped, failed bool
	said            string
}

// record runs f with a recorder, in a goroutine that Skipf and Fatalf can end.
func record(t *testing.T, f func(testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped, r.said = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed, r.said = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestFind(t *testing.T) {
	here := func(name string) (string, error) { return "/usr/sbin/" + name, nil }
	missing := func(string) (string, error) { return "", errors.New("nowhere") }
	for _, test := range []struct {
		name            string
		look            func(string) (string, error)
		required        string
		skipped, failed bool
	}{
		{"here", here, "", false, false},
		{"here and required", here, "nginx", false, false},
		{"missing", missing, "", true, false},
		{"missing, another required", missing, "lighttpd,nginx2", true, false},
		{"missing and required", missing, "nginx", false, true},
		{"missing and required among others", missing, "lighttpd,nginx,apache2", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var path string
			r := record(t, func(tb testing.TB) { path = find(tb, "nginx", test.look, test.required) })
			if r.skipped != test.skipped || r.failed != test.failed {
				t.Errorf("got skipped %t, failed %t; want %t, %t", r.skipped, r.failed, test.skipped, test.failed)
			}
			if found := !test.skipped && !test.failed; found && path != "/usr/sbin/nginx" {
				t.Errorf("got %q; want the path", path)
			} else if !found && !strings.Contains(r.said, "nginx") {
				t.Errorf("%q does not name the server", r.said)
			}
		})
	}
}

func TestFindReadsRequired(t *testing.T) {
	t.Setenv("CGIKIT_REQUIRE", "nginx,no-such-server")
	if r := record(t, func(tb testing.TB) { Find(tb, "no-such-server") }); !r.failed {
		t.Error("a missing server that CGIKIT_REQUIRE lists did not fail the test")
	}
	if r := record(t, func(tb testing.TB) { Find(tb, "no-other-server") }); !r.skipped {
		t.Error("a missing server that CGIKIT_REQUIRE does not list did not skip the test")
	}
}

func TestParseVersion(t *testing.T) {
	for _, test := range []struct{ out, want string }{
		{"nginx version: nginx/1.22.1\n", "nginx/1.22.1"},
		{"lighttpd/1.4.69 (ssl) - a light and fast webserver\n", "lighttpd/1.4.69"},
		{"Server version: Apache/2.4.71 (Debian)\nServer built:   2026-11-12T08:58:41\n", "Apache/2.4.71"},
		{"HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/\n", "HAProxy/2.6.12-1+deb12u4"},
	} {
		if got, err := parseVersion("x", test.out); got != test.want || err != nil {
			t.Errorf("%q: got %q, %v; want %q", test.out, got, err, test.want)
		}
	}
	if got, err := parseVersion("nginx", "usage: nginx [-v]"); err == nil {
		t.Errorf("got %q; want an error", got)
	}
}

func TestVersion(t *testing.T) {
	for name, prefix := range map[string]string{"nginx": "nginx/", "lighttpd": "lighttpd/", "apache2": "Apache/", "haproxy": "HAProxy/"} {
		t.Run(name, func(t *testing.T) {
			Find(t, name)
			if got, err := Version(name); err != nil || !strings.HasPrefix(got, prefix) {
				t.Errorf("got %q, %v; want %s and a number", got, err, prefix)
			}
		})
	}
	if got, err := Version("no-such-server"); err == nil {
		t.Errorf("got %q; want an error", got)
	}
}
