package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/testdata/conf"
)

// prepareWhole fills in the data of a configuration that is not of a web server.
func (p *plan) prepareWhole(a listen.Address) error {
	d, name := &p.data.Whole, p.choice.names[0]
	if (name == "docker.compose" || name == "kubernetes.deployment") && a.Protocol != "fastcgi" {
		return cli.Usage(fmt.Errorf("%s has php-fpm, which speaks FastCGI, not %.32s", name, a.Protocol), "such as fastcgi://127.0.0.1:9000")
	}
	d.Protocol, d.Target, d.SocketUser, d.SocketGroup, d.SocketMode = a.Protocol, p.options.Target, a.Owner, a.Group, mode(a)
	switch p.choice.server {
	case "php-fpm":
		return p.preparePool(a)
	case "systemd":
		return p.prepareUnits(a)
	case "docker":
		return p.prepareImage(a)
	}
	if a.Protocol == "auto" || a.Protocol == "cgi" {
		return cli.Usage(fmt.Errorf("a probe asks for FastCGI, SCGI or HTTP, not for %.32s", a.Protocol), "such as fastcgi://127.0.0.1:9000")
	}
	d.Target = url(a)
	return nil
}

func mode(a listen.Address) string {
	m := a.Mode
	if m == 0 {
		m = listen.DefaultMode
	}
	return fmt.Sprintf("%04o", m&fs.ModePerm)
}

// url is an address without what only the one who listens needs.
func url(a listen.Address) string {
	if a.Network == "unix" {
		return a.Protocol + "+unix:" + a.Path
	}
	return a.Protocol + "://" + place(a)
}

// workers names the user and the group of the web server on this machine, or on Debian.
func workers() (user, group string) {
	u, err := conf.Workers()
	if err != nil {
		return "www-data", "www-data"
	}
	return u.Username, conf.GroupOf(u)
}

func (p *plan) preparePool(a listen.Address) error {
	if a.Protocol != "fastcgi" {
		return cli.Usage(fmt.Errorf("php-fpm speaks FastCGI, not %.32s", a.Protocol), "such as -l fastcgi+unix:/run/php/php-fpm.sock")
	}
	d := &p.data
	user, group := workers()
	d.User, d.Group = user, group
	if len(d.SplitPath) == 0 {
		d.SplitPath = []string{".php"}
	}
	if d.SocketUser == "" {
		d.SocketUser = user
	}
	if d.SocketGroup == "" {
		d.SocketGroup = group
	}
	d.Address, d.StatusAddress = poolAddresses(a)
	return nil
}

// poolAddresses returns where the pool listens, and where its status page does: at a socket beside
// it, or on the next port.
func poolAddresses(a listen.Address) (pool, status string) {
	if a.Network == "unix" {
		return a.Path, strings.TrimSuffix(a.Path, ".sock") + "-status.sock"
	}
	next := a.Port + 1
	if next == 0 {
		next = a.Port - 1
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))), net.JoinHostPort("127.0.0.1", strconv.Itoa(int(next)))
}

func (p *plan) prepareUnits(a listen.Address) error {
	d := &p.data
	if a.Protocol == "cgi" {
		return cli.Usage(errors.New("cgi: is a target, and nothing to listen on"), "such as cgikit config systemd -l fastcgi+unix:/run/cgi.sock cgi:/usr/lib/cgi-bin")
	}
	d.Target = strings.Join(append([]string{cmp.Or(d.Target, p.options.defaultTarget())}, p.options.More...), " ")
	d.Program, d.EnvFile = cmp.Or(p.options.Program, "/usr/local/bin/cgikit"), p.options.EnvFile
	if a.Network == "tcp" {
		d.Address = net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port)))
	}
	user, group := workers()
	if d.SocketUser == "" {
		d.SocketUser = "root"
	}
	if d.SocketGroup == "" {
		d.SocketGroup = group
	}
	// The service itself gets the group that its address names: the web server's, as that of the
	// socket of php-fpm. Otherwise the units would depend on the machine that prints them.
	d.WebUser, d.WebGroup, d.Group = user, group, cmp.Or(a.Group, group)
	return nil
}

// replacesFcgiwrap reports whether the units are those in the place of fcgiwrap.
func (o *Options) replacesFcgiwrap() bool { return strings.Contains(o.Server, "fcgiwrap") }

// defaultTarget returns the target of a service that the user gives none.
func (o *Options) defaultTarget() string {
	if o.replacesFcgiwrap() {
		return "cgi:/usr/lib/cgi-bin"
	}
	return "demo:"
}

func (p *plan) prepareImage(a listen.Address) error {
	d := &p.data
	if name := p.choice.names[0]; name == "docker.probe" || name == "docker.compose" {
		d.Target = url(a)
		return nil
	}
	if a.Protocol == "cgi" {
		return cli.Usage(errors.New("cgi: is a target, and nothing to listen on"), "such as cgikit config docker -l http://0.0.0.0:8080 cgi:/srv/app")
	}
	if d.Target == "" {
		d.Target = "demo:"
	}
	d.Listen = a.String()
	if a.Protocol == "auto" {
		a.Protocol = "http"
	}
	d.Probe = url(a)
	return nil
}
