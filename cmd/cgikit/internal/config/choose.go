package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/testdata/conf"
)

// kindPHP is the kind of a site in PHP. The other kinds are protocols.
const kindPHP = "php"

// Entry is a line of List.
type Entry struct {
	Name, What string
	Server     bool // a server, of which the address chooses the configuration
}

// servers are the names that most users write.
var servers = []Entry{
	{"nginx", "nginx in front of an application or of php-fpm", true},
	{"apache2", "Apache in front of an application or of php-fpm, or with CGI", true},
	{"lighttpd", "lighttpd in front of an application or of php-fpm, or with CGI", true},
	{"haproxy", "HAProxy in front of an application or of php-fpm", true},
	{"caddy", "Caddy in front of an application or of php-fpm", true},
	{"systemd", "cgikit serve as a service with its socket, and one for each user", true},
	{"fcgiwrap", "cgikit serve as a service with its socket, in the place of those of fcgiwrap", true},
	{"php-fpm", "a pool with a status page that answers while it is busy", true},
	{"docker", "an image with the probe; with -l an image that runs cgikit serve", true},
	{"kubernetes", "the probes of a container", true},
}

// more describes what the rest of a configuration's name means.
var more = map[string]string{
	"fastcgi": "over FastCGI", "scgi": "over SCGI", "http": "over HTTP", "php": "a site in PHP: --root DIR --split-path .php",
	"cgi": "starts a CGI program for each request", "cgid": "starts CGI programs from a daemon, for threaded servers",
	"fastcgi-spawn": "starts the FastCGI program itself", "fastcgi-balanced": "balances several processes: -l for each",
	"fastcgi-authorizer": "asks a FastCGI authorizer first", "service": "the unit of the service", "socket": "the unit of its socket",
	"user-service": "the template of a service for each user", "user-socket": "the template of its socket",
	"fcgiwrap-service": "the unit of a service in the place of fcgiwrap", "fcgiwrap-socket": "the unit of its socket",
	"pool": "the pool alone", "conf": "the whole configuration", "probe": "an image with the probe", "serve": "an image that runs cgikit serve",
	"probes": "the probes alone", "pod": "a pod with the probes",
	"compose":    "services for Compose: php-fpm, and cgikit serve in front of it",
	"deployment": "a Deployment and its Service: php-fpm, and cgikit serve in front of it",
}

// List returns what Options.Server may be: the servers, then each configuration. Those that exist
// to show a fault in a test are left out, and so is uwsgi, which no address here can name.
func List() []Entry {
	list := slices.Clone(servers)
	for _, name := range append(conf.Names(), conf.WholeNames()...) {
		server := serverOf(name)
		if what, ok := more[name[len(server)+1:]]; ok {
			list = append(list, Entry{Name: name, What: what})
		}
	}
	return list
}

// serverOf returns the server of a name of List. systemd starts what takes the place of fcgiwrap.
func serverOf(name string) string {
	if name == "fcgiwrap" {
		return "systemd"
	}
	if server, _, whole := strings.Cut(name, "."); whole || name == "php-fpm" {
		return server
	}
	return conf.Server(name)
}

// checkServer reports a name that is not in List.
func (o *Options) checkServer() error {
	if slices.ContainsFunc(List(), func(e Entry) bool { return e.Name == o.Server }) {
		return nil
	}
	return unknownServer(o.Server)
}

// choice is what Options.Server and the address lead to.
type choice struct {
	server string
	names  []string // configurations; several for systemd
	kind   string   // of a web server's configuration: a protocol or kindPHP
	web    bool
}

// choose finds the configurations for a server, or for the name of one, and an application at a.
func (o *Options) choose(a listen.Address) (choice, error) {
	switch o.Server {
	case "systemd":
		return choice{server: o.Server, names: []string{"systemd.service", "systemd.socket", "systemd.user-service", "systemd.user-socket"}}, nil
	case "fcgiwrap":
		return choice{server: "systemd", names: []string{"systemd.fcgiwrap-service", "systemd.fcgiwrap-socket"}}, nil
	case "php-fpm":
		return choice{server: o.Server, names: []string{pick(o.Full, "php-fpm.conf", "php-fpm.pool")}}, nil
	case "docker":
		return choice{server: o.Server, names: []string{pick(o.startsServe(), "docker.serve", "docker.probe")}}, nil
	case "kubernetes":
		return choice{server: o.Server, names: []string{pick(o.Full, "kubernetes.pod", "kubernetes.probes")}}, nil
	case serverOf(o.Server):
		return o.chooseByAddress(a)
	}
	return o.chooseByName(a)
}

// startsServe reports whether the configuration starts cgikit serve: it then has an address to
// listen on, and a target.
func (o *Options) startsServe() bool {
	return serverOf(o.Server) == "systemd" || o.Server == "docker.serve" || o.Server == "docker" && len(o.Listen) > 0
}

func pick(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

// chooseByName finds a configuration that the user has named. It must fit the address.
func (o *Options) chooseByName(a listen.Address) (choice, error) {
	server := serverOf(o.Server)
	c := choice{server: server, names: []string{o.Server}, web: slices.Contains(conf.Names(), o.Server)}
	if !c.web {
		return c, nil
	}
	c.kind = strings.TrimSuffix(kindOf(o.Server), "d") // cgid
	wanted := protocolOf(o.Server)
	if a.Protocol != wanted && !(a.Protocol == "auto" && wanted != "cgi") {
		return c, cli.Usage(fmt.Errorf("%s needs an address of %s, not of %.32s", o.Server, wanted, a.Protocol), "name the server alone, and the address chooses: cgikit config "+server)
	}
	if (c.kind == kindPHP) != (len(o.SplitPath) > 0) {
		return c, cli.Usage(fmt.Errorf("%s and --split-path do not fit", o.Server), "a site in PHP is cgikit config "+server+" --root /srv/www --split-path .php")
	}
	return c, nil
}

// kindOf returns the part of a web server's configuration that names its kind.
func kindOf(name string) string { return strings.Split(name, "-")[1] }

// protocolOf returns the protocol of the address that a web server's configuration wants.
func protocolOf(name string) string {
	switch kind := kindOf(name); {
	case strings.HasSuffix(name, "-spawn"), kind == "cgid":
		return "cgi"
	case kind == kindPHP:
		return "fastcgi"
	default:
		return kind
	}
}

// chooseByAddress finds the configuration of a web server for the protocol of an address.
func (o *Options) chooseByAddress(a listen.Address) (choice, error) {
	c := choice{server: o.Server, kind: a.Protocol, web: true}
	switch {
	case len(o.SplitPath) > 0 && a.Protocol != "fastcgi":
		return c, cli.Usage(fmt.Errorf("php-fpm speaks FastCGI, not %.32s", a.Protocol), "such as fastcgi+unix:/run/php/php-fpm.sock")
	case len(o.SplitPath) > 0:
		c.kind = kindPHP
	case a.Protocol == "auto":
		c.kind = "fastcgi"
	}
	name := o.Server + "-" + c.kind
	if name == "apache2-cgi" {
		name = "apache2-cgid" // for the threaded server that distributions install
	}
	if !slices.Contains(conf.Names(), name) {
		return c, missing(o.Server, c.kind)
	}
	c.names = []string{name}
	return c, nil
}

// missing says that a server does not speak a protocol, and what can stand in between.
func missing(server, protocol string) error {
	err := fmt.Errorf("%s does not speak %s", server, strings.ToUpper(protocol))
	if protocol == "cgi" {
		err = fmt.Errorf("%s starts no CGI programs", server)
	}
	return cli.Usage(err, fmt.Sprintf("put cgikit in between: cgikit serve -l fastcgi+unix:/run/app.sock TARGET, and cgikit config %s fastcgi+unix:/run/app.sock", server))
}

// aliases are names that other people give the servers.
var aliases = map[string]string{
	"apache": "apache2", "httpd": "apache2", "fpm": "php-fpm", "phpfpm": "php-fpm", "php": "php-fpm", "lighty": "lighttpd",
	"k8s": "kubernetes", "dockerfile": "docker", "systemctl": "systemd", "caddyfile": "caddy",
}

func unknownServer(name string) error {
	const list = `"cgikit config --list" has all`
	if name == "" {
		return cli.Usage(errors.New("config takes the name of a server"), list)
	}
	hint := list
	if known := aliases[strings.ToLower(name)]; known != "" {
		hint = "did you mean " + known + "?"
	} else if i := slices.IndexFunc(servers, func(e Entry) bool { return strings.EqualFold(e.Name, name) }); i >= 0 {
		hint = "did you mean " + servers[i].Name + "?"
	}
	return cli.Usage(fmt.Errorf("there is no configuration for %.64q", name), hint)
}
