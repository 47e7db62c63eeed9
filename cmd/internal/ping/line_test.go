package ping

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway/listen"
)

// TestLine: whatever a target answers, it is one printable line of at most 200 bytes.
func TestLine(t *testing.T) {
	long := strings.Repeat("/é", 300)
	for _, r := range []*Result{
		{Target: target.Target{Address: listen.Address{Protocol: "fastcgi", Network: "unix", Path: long}}},
		{Target: target.Target{Address: listen.Address{Protocol: "cgi", Path: long}}, Answer: answer{status: 200, reason: long}},
		{State: Dead, Cause: "connect " + long + ": refused"},
		{State: Unhealthy, Cause: "a\nb\x1b[31mc\u202e\xff"},
		{State: Busy, Cause: strings.Repeat("\x1b", 300)},
		{Answer: answer{pool: &Pool{Name: long}}},
	} {
		for _, named := range []bool{false, true} {
			line := r.line(named)
			if len(line) > maxLine || !utf8.ValidString(line) || strings.ContainsAny(line, "\n\x1b\u202e") || !strings.HasPrefix(line, r.State.String()+": ") {
				t.Errorf("got %d bytes: %q", len(line), line)
			}
		}
	}
}

func TestSummary(t *testing.T) {
	pool, err := parsePool([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	unix := target.Target{Address: listen.Address{Protocol: "fastcgi", Network: "unix", Path: "/run/php/php8.2-fpm.sock"}}
	tcp := target.Target{Address: listen.Address{Protocol: "fastcgi", Network: "tcp", Host: "127.0.0.1", Port: 9000}}
	cgi := target.Target{Address: listen.Address{Protocol: "cgi", Path: "/srv/x.cgi"}}
	for _, tt := range []struct {
		r    Result
		want string
	}{
		{Result{Target: unix, Latency: 400 * time.Microsecond, Answer: answer{pool: pool}, Queue: Queue{true, 0, 511}},
			`ok: php-fpm "www" at /run/php/php8.2-fpm.sock, 0.4 ms, 19 of 20 busy, queue 0 of 511`},
		// php-fpm counts the queue of a TCP socket itself, and not that of a unix socket
		{Result{Target: unix, Answer: answer{pool: pool}}, `ok: php-fpm "www" at /run/php/php8.2-fpm.sock, 0.0 ms, 19 of 20 busy, queue unknown`},
		{Result{Target: tcp, Answer: answer{pool: pool}}, `ok: php-fpm "www" at 127.0.0.1:9000, 0.0 ms, 19 of 20 busy, queue 3 of 511`},
		{Result{Target: tcp, Answer: answer{status: 204}}, "ok: FastCGI at 127.0.0.1:9000, 204, 0.0 ms, queue unknown"},
		{Result{Target: cgi, Answer: answer{status: 200, reason: "OK"}}, "ok: CGI at /srv/x.cgi, 200 OK, 0.0 ms"},
	} {
		if got := tt.r.line(false); got != tt.want {
			t.Errorf("got %q; want %q", got, tt.want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct{ in, right, left string }{
		{"abcdef", "abcdef", "abcdef"},
		{"abcdefg", "abc...", "...efg"},
		{"éééé", "é...", "...é"},
	} {
		if got := shorten(tt.in, 6); got != tt.right {
			t.Errorf("%q: got %q; want %q", tt.in, got, tt.right)
		}
		if got := shortenLeft(tt.in, 6); got != tt.left {
			t.Errorf("%q: got %q; want %q", tt.in, got, tt.left)
		}
	}
}
