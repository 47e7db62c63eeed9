package gatewaytest_test

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// deployment is one way to run the suite's App behind a real web server.
type deployment struct {
	template string // testdata/conf
	network  string // of the application's listener; "" where the server starts the program
	stock    bool   // nginx's own parameter files and nothing more
	mount    bool   // our server's Mount field says where the App is
}

func (d deployment) String() string {
	name := d.template
	if d.network != "" {
		name += " over " + d.network
	}
	if d.stock {
		name += ", stock"
	}
	if d.mount {
		name += " and Mount"
	}
	return name
}

var deployments = []deployment{
	{"nginx-fastcgi", "tcp", false, false},
	{"nginx-fastcgi", "unix", false, false},
	{"nginx-fastcgi", "tcp", true, false},
	{"nginx-fastcgi", "unix", true, true},
	{"nginx-scgi", "tcp", false, false},
	{"nginx-scgi", "unix", false, false},
	{"nginx-scgi", "unix", true, false},
	{"nginx-scgi", "tcp", true, true},
	{"lighttpd-fastcgi-spawn", "", false, false},
	{"lighttpd-fastcgi", "tcp", false, false},
	{"lighttpd-scgi", "unix", false, false},
	{"lighttpd-cgi", "", false, false},
	{"apache2-cgi", "", false, false},
	{"apache2-cgid", "", false, false},
	{"apache2-fastcgi", "tcp", false, false},
	{"apache2-scgi", "tcp", false, false},
}

// TestServers runs the suite through real web servers, at the root and below a mount, and compares what they answer with what
// plain HTTP does.
func TestServers(t *testing.T) {
	for _, mount := range []string{"", "/app"} {
		var plain gatewaytest.Answers
		t.Run("http"+mount, func(t *testing.T) {
			tr := gatewaytest.HTTP(mount)
			tr.Answers = &plain
			gatewaytest.Run(t, tr)
		})
		for _, d := range deployments {
			t.Run(d.String()+mount, func(t *testing.T) {
				var answers gatewaytest.Answers
				excluded := serverExclusions(d, mount)
				gatewaytest.Run(t, gatewaytest.Transport{
					Answers:    &answers,
					Exclusions: excluded,
					Start: func(t testing.TB, _ gateway.App) string {
						return d.start(t, mount).URL
					},
				})
				plain.Compare(t, &answers, excluded...)
			})
		}
	}
}

func (d deployment) start(t testing.TB, mount string) *webserver.Server {
	t.Helper()
	c := webserver.Config{Template: d.template, Mount: mount, Stock: d.stock}
	if d.network != "" {
		c.Backend = d.serve(t, mount)
		return webserver.Start(t, c)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	protocol := "fastcgi"
	if strings.HasSuffix(d.template, "cgi") || strings.HasSuffix(d.template, "cgid") {
		protocol = "cgi"
	}
	c.Program = self
	c.Env = map[string]string{serveAs: protocol, noRaceSleep[0]: noRaceSleep[1]}
	return webserver.Start(t, c)
}

func (d deployment) serve(t testing.TB, mount string) net.Addr {
	_, protocol, _ := strings.Cut(d.template, "-")
	if !d.mount {
		mount = ""
	} else if mount == "" {
		mount = "/"
	}
	return serve(t, newServer(protocol, mount), d.network, webserver.Dir(t))
}
