//go:build unix

package ping

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// TestUsualSockets finds each socket once, also where a symbolic link names it too, and no file of
// another kind.
func TestUsualSockets(t *testing.T) {
	dir := webserver.Dir(t)
	for _, name := range []string{"php8.1-fpm.sock", "php8.2-fpm.sock"} {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	err := errors.Join(os.Symlink("php8.2-fpm.sock", filepath.Join(dir, "php-fpm.sock")),
		os.Symlink("none", filepath.Join(dir, "gone.sock")), os.WriteFile(filepath.Join(dir, "file.sock"), nil, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	got := findUsual([]string{filepath.Join(dir, "none", "*.sock"), filepath.Join(dir, "*.sock")})
	want := []string{"fastcgi+unix:" + dir + "/php-fpm.sock", "fastcgi+unix:" + dir + "/php8.1-fpm.sock"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	if got := findUsual([]string{filepath.Join(dir, "none")}); !slices.Equal(got, []string{usualAddress}) {
		t.Errorf("no socket: got %q", got)
	}
}

// TestConnect reads FCGI_CONNECT as php-fpm-healthcheck's users write it.
func TestConnect(t *testing.T) {
	for connect, want := range map[string]string{
		"localhost:9000":             "fastcgi://localhost:9000",
		"127.0.0.1:9000":             "fastcgi://127.0.0.1:9000",
		"[::1]:9000":                 "fastcgi://[::1]:9000",
		":9000":                      "fastcgi://127.0.0.1:9000",
		"/run/php-fpm.sock":          "fastcgi+unix:/run/php-fpm.sock",
		"scgi://127.0.0.1:4000":      "scgi://127.0.0.1:4000",
		"fastcgi+unix:/run/php.sock": "fastcgi+unix:/run/php.sock",
	} {
		got, err := parseConnect(connect)
		if err != nil || len(got) != 1 || got[0].String() != want {
			t.Errorf("%q: got %v, %v; want %s", connect, got, err, want)
		}
	}
}
