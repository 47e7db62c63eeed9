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
	network  string // of the application's listener; "" if the server starts the program
	stock    bool   // nginx's own parameter files alone
	mount    bool   // our server's Mount field names the mount
	nethttp  bool   // FastCGI is served by nethttp.Server
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
	if d.nethttp {
		name += ", nethttp"
	}
	return name
}

var deployments = onBothEngines(
	deployment{template: "nginx-fastcgi", network: "tcp"},
	deployment{template: "nginx-fastcgi", network: "unix"},
	deployment{template: "nginx-fastcgi", network: "tcp", stock: true},
	deployment{template: "nginx-fastcgi", network: "unix", stock: true, mount: true},
	deployment{template: "nginx-scgi", network: "tcp"},
	deployment{template: "nginx-scgi", network: "unix"},
	deployment{template: "nginx-scgi", network: "unix", stock: true},
	deployment{template: "nginx-scgi", network: "tcp", stock: true, mount: true},
	deployment{template: "lighttpd-fastcgi-spawn"},
	deployment{template: "lighttpd-fastcgi", network: "tcp"},
	deployment{template: "lighttpd-scgi", network: "unix"},
	deployment{template: "lighttpd-cgi"},
	deployment{template: "apache2-cgi"},
	deployment{template: "apache2-cgid"},
	deployment{template: "apache2-fastcgi", network: "tcp"},
	deployment{template: "apache2-scgi", network: "tcp"},
	deployment{template: "haproxy-fastcgi", network: "tcp"},
	deployment{template: "haproxy-fastcgi", network: "unix", mount: true},
)

// onBothEngines adds a deployment with package nethttp for each one that speaks FastCGI, except the
// stock ones: the variables that nginx leaves out there do not depend on the engine.
func onBothEngines(all ...deployment) []deployment {
	var both []deployment
	for _, d := range all {
		both = append(both, d)
		if d.protocol() == "fastcgi" && !d.stock {
			d.nethttp = true
			both = append(both, d)
		}
	}
	return both
}

// protocol is the part of the template's name after that of the server.
func (d deployment) protocol() string {
	return strings.TrimSuffix(strings.Split(d.template, "-")[1], "d")
}

// kind returns the name of our server for newServer and serveAs.
func (d deployment) kind() string {
	if d.nethttp {
		return "nethttp"
	}
	return d.protocol()
}

// TestServers runs the suite through real web servers, at the root and below a mount, and compares
// their answers with those of plain HTTP.
func TestServers(t *testing.T) {
	t.Parallel()
	for _, mount := range []string{"", "/app"} {
		var plain gatewaytest.Answers
		t.Run("http"+mount, func(t *testing.T) {
			tr := gatewaytest.HTTP(mount)
			tr.Answers = &plain
			gatewaytest.Run(t, tr)
		})
		for _, d := range deployments {
			t.Run(d.String()+mount, func(t *testing.T) {
				t.Parallel()
				var answers gatewaytest.Answers
				var url string
				excluded := serverExclusions(d, mount)
				gatewaytest.Run(t, gatewaytest.Transport{
					Answers:    &answers,
					Exclusions: excluded,
					Start: func(t testing.TB, _ gateway.App) string {
						url = d.start(t, mount).URL
						return url
					},
				})
				plain.Compare(t, &answers, excluded...)
				if mount == "" {
					t.Run("curl", func(t *testing.T) { seenByCurl(t, d, url) })
				}
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
	c.Program = self
	c.Env = map[string]string{serveAs: d.kind(), noRaceSleep[0]: noRaceSleep[1]}
	return webserver.Start(t, c)
}

func (d deployment) serve(t testing.TB, mount string) net.Addr {
	if !d.mount {
		mount = ""
	} else if mount == "" {
		mount = "/"
	}
	return serve(t, newServer(d.kind(), mount), d.network, webserver.Dir(t))
}
