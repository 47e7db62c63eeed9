package peer

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, p := range []Peer{
		Nginx(t.TempDir(), "1", Site{}), Caddy(t.TempDir(), "caddy", ""), Fcgiwrap(t.TempDir(), 1), PHPFPM(t.TempDir(), 1),
		Libfcgi(t.TempDir(), 1), Cgikit(t.TempDir(), ""),
	} {
		if err := p.Prepare(); err == nil || p.Name == "" || p.Version != "" {
			t.Errorf("%s: Prepare returned %v, version %q", p.Name, err, p.Version)
		}
	}
}

func TestVersion(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct{ printed, want string }{
		{"nginx version: nginx/1.22.1", "1.22.1"},
		{"PHP 8.2.29 (fpm-fcgi) (built: Jul 3 2025)", "8.2.29"},
		{"v2.11.9 h1:abc=", "2.11.9"},
		{"Server version: Apache/2.4.62 (Debian)", "2.4.62"},
		{"nothing", ""},
	} {
		if got := version("sh", "-c", "echo '"+c.printed+"' >&2; exit 1"); got != c.want {
			t.Errorf("%q: got %q; want %q", c.printed, got, c.want)
		}
	}
}

// TestTail: a server that prints without end takes no memory.
func TestTail(t *testing.T) {
	var p tail
	for i := range 10_000 {
		fmt.Fprintf(&p, "line %d\n", i)
	}
	if got := p.String(); len(got) > tailSize || !strings.HasSuffix(got, "\nline 9999") {
		t.Errorf("%d bytes kept, the end %.100q", len(got), got[max(0, len(got)-100):])
	}
}

func ExampleSocket() {
	first, second := Socket("/run/bench", "nginx"), Socket("/run/bench", "nginx")
	fmt.Println(first != second)
	// Output: true
}
