package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/listen"
)

// The addresses without which a configuration is of no use, where the user gives none.
const (
	defaultSocket = "/run/app.sock"
	defaultPool   = "/run/php/php-fpm.sock"

	// defaultFcgiwrap is the socket of Debian's fcgiwrap.socket.
	defaultFcgiwrap = "/run/fcgiwrap.socket"

	defaultProbe = "fastcgi://127.0.0.1:9000"

	// defaultService is where the images of php-fpm listen, in the service that docker.compose
	// calls app.
	defaultService = "fastcgi://app:9000"
)

const addressHint = "such as fastcgi+unix:/run/app.sock, fastcgi://127.0.0.1:9000, scgi://127.0.0.1:4000, http://127.0.0.1:8081 or cgi:/usr/lib/cgi-bin"

// addresses returns the addresses that were given, or the default of the configuration.
func (o *Options) addresses() []string {
	switch {
	case len(o.Listen) > 0:
		return o.Listen
	case o.Target != "" && !o.startsServe():
		return []string{o.Target}
	case o.Server == "docker.serve":
		return []string{"http://0.0.0.0:8080"}
	case o.Server == "docker.compose":
		return []string{defaultService}
	case serverOf(o.Server) == "docker", serverOf(o.Server) == "kubernetes":
		return []string{defaultProbe}
	case serverOf(o.Server) == "php-fpm", len(o.SplitPath) > 0:
		return []string{"fastcgi+unix:" + defaultPool}
	case o.replacesFcgiwrap():
		return []string{"fastcgi+unix:" + defaultFcgiwrap}
	case serverOf(o.Server) == o.Server, serverOf(o.Server) == "systemd":
		return []string{"fastcgi+unix:" + defaultSocket}
	}
	return defaultFor(o.Server)
}

// defaultFor returns the addresses for a configuration of a web server that the user has named.
func defaultFor(name string) []string {
	switch protocol := protocolOf(name); {
	case strings.HasSuffix(name, "-balanced"):
		return []string{"fastcgi://127.0.0.1:9001", "http://127.0.0.1:9101", "fastcgi://127.0.0.1:9002", "http://127.0.0.1:9102"}
	case protocol == "cgi":
		return []string{"cgi:/usr/lib/cgi-bin"}
	case protocol == "http":
		return []string{"http://127.0.0.1:8081"}
	case kindOf(name) == kindPHP:
		return []string{"fastcgi+unix:" + defaultPool}
	default:
		return []string{protocol + "+unix:" + defaultSocket}
	}
}

// parseAddress reads an address at which something can connect to the application, or, where it is
// that of a CGI program, at which that is.
func parseAddress(s string) (listen.Address, error) {
	a, err := listen.Parse(s)
	switch {
	case err != nil:
		return a, cli.Usage(withoutPackage(err), addressHint)
	case a.Protocol == "":
		return a, cli.Usage(fmt.Errorf("address %.200q does not say which protocol is spoken there", s), fmt.Sprintf("write fastcgi+unix:PATH or fastcgi://HOST:PORT, or scgi or http in its place; %s", addressHint))
	case a.Protocol == "files" || a.Protocol == "demo":
		return a, cli.Usage(fmt.Errorf("%.200q is nothing that a server can connect to", s), fmt.Sprintf("start cgikit serve -l fastcgi+unix:/run/app.sock %.200s, and name that address here", s))
	case a.Network == "fd" || a.Network == "systemd":
		return a, cli.Usage(fmt.Errorf("%.200q is an inherited socket: it has no address here", s), "give the address of the socket; \"cgikit config systemd\" passes it on to the service")
	case a.Network == "tcp" && a.Port == 0:
		return a, cli.Usage(fmt.Errorf("address %.200q has no port that a server could connect to", s), "write the port of the application")
	case a.Network == "unix" && a.Path[0] == '@':
		return a, cli.Usage(fmt.Errorf("%.200q is an abstract socket, which most servers cannot connect to", s), "give the application a socket with a path, such as fastcgi+unix:/run/app.sock")
	case (a.Network == "unix" || a.Protocol == "cgi") && a.Path[0] != '/':
		return a, cli.Usage(fmt.Errorf("%.200q is not an absolute path", s), "a server does not know the folder that you are in")
	}
	return a, nil
}

// withoutPackage takes the name of the package from an error of package listen.
func withoutPackage(err error) error {
	if bad := (*listen.AddressError)(nil); errors.As(err, &bad) {
		return fmt.Errorf("address %.200q %s", bad.Input, bad.Reason)
	}
	return err
}

// place is where a server connects to: a path or host:port. A server that listens on all addresses
// is reached at the loopback address.
func place(a listen.Address) string {
	if a.Network == "unix" {
		return a.Path
	}
	host := a.Host
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = map[bool]string{true: "127.0.0.1", false: "::1"}[ip.To4() != nil]
	}
	return net.JoinHostPort(host, strconv.Itoa(int(a.Port)))
}
