package fastcgi_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
)

func TestWebServerAddrs(t *testing.T) { // F34
	for _, c := range []struct{ name, list, want string }{
		{"one", "127.0.0.1", "[127.0.0.1/32]"},
		{"several", "127.0.0.1,10.0.0.7,::1", "[127.0.0.1/32 10.0.0.7/32 ::1/128]"},
		{"mapped", "::ffff:10.0.0.7", "[::ffff:10.0.0.7/128]"},
		{"empty", "", `fastcgi: FCGI_WEB_SERVER_ADDRS contains "", which is not an IP address`},
		{"a gap", "127.0.0.1,", `fastcgi: FCGI_WEB_SERVER_ADDRS contains "", which is not an IP address`},
		{"a space", "127.0.0.1, ::1", `fastcgi: FCGI_WEB_SERVER_ADDRS contains " ::1", which is not an IP address`},
		{"a network", "127.0.0.0/8", `fastcgi: FCGI_WEB_SERVER_ADDRS contains "127.0.0.0/8", which is not an IP address`},
		{"a name", "localhost", `fastcgi: FCGI_WEB_SERVER_ADDRS contains "localhost", which is not an IP address`},
		{"a zone", "fe80::1%eth0", `fastcgi: FCGI_WEB_SERVER_ADDRS contains "fe80::1%eth0", which is not an IP address`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("FCGI_WEB_SERVER_ADDRS", c.list)
			peers, err := fastcgi.WebServerAddrs()
			got := fmt.Sprint(peers)
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %s; want %s", got, c.want)
			}
		})
	}
	os.Unsetenv("FCGI_WEB_SERVER_ADDRS")
	if peers, err := fastcgi.WebServerAddrs(); peers != nil || err != nil {
		t.Errorf("without the variable: got %v, %v; want none", peers, err)
	}
}
