package main

import (
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

func TestCheckListen(t *testing.T) {
	for _, test := range []struct {
		name    string
		listen  []string
		metrics string
		want    string // of the message; "" for none
		hint    string
	}{
		{"several", []string{"http://127.0.0.1:80", "scgi://127.0.0.1:81", "fastcgi+unix:/s", "auto+fd:0"}, "127.0.0.1:82", "", ""},
		{"free ports", []string{"http://127.0.0.1:0", "http://127.0.0.1:0"}, "127.0.0.1:0", "", ""},
		{"other hosts", []string{"http://127.0.0.1:80", "http://127.0.0.2:80"}, "", "", ""},
		{"path with a comma", []string{"http+unix:/run/a,b.sock"}, "", "", ""},
		{"none", nil, "127.0.0.1:82", "no address to listen on", listenHint},
		{"default host", []string{"http://:80", "scgi://127.0.0.1:80"}, "", "are the same address", "use different addresses"},
		{"socket twice", []string{"http+unix:/s", "scgi+unix:/s?mode=0600"}, "", "are the same address", "use different addresses"},
		{"descriptor twice", []string{"http+fd:0", "scgi+fd:0"}, "", "are the same address", "use different addresses"},
		{"systemd twice", []string{"http+systemd:a", "scgi+systemd:a"}, "", "are the same address", "use different addresses"},
		{"metrics there", []string{"http://127.0.0.1:80"}, "127.0.0.1:80", "are the same address", "use different addresses"},
		{"metrics", []string{"http://127.0.0.1:80"}, "nonsense", "nonsense", metricsHint},
		{"TLS without a port", []string{"https://example.org"}, "", "has no port", listenHint},
		{"list", []string{"http://127.0.0.1:80,http://127.0.0.1:81"}, "", "", "write a separate -l for each address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := checkListen(test.listen, test.metrics)
			if test.want == "" && test.hint == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if cli.Status(err) != cli.StatusUsage || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(cli.Hint(err), test.hint) {
				t.Errorf("got %v, %q; want %q and a hint %q", err, cli.Hint(err), test.want, test.hint)
			}
		})
	}
}
