package request

import (
	"errors"
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/fastcgi"
)

// maxRepeat bounds Repeat: a bench is another verb's work.
const maxRepeat = 1_000_000

// check refuses flags that have no effect on the target, and flags that contradict each other.
func (r *Request) check() error {
	for _, check := range []func() error{r.checkTarget, r.checkBodies, r.checkValues} {
		if err := check(); err != nil {
			return err
		}
	}
	return checkPath(r.Path)
}

// checkTarget refuses flags that mean nothing to the protocol.
func (r *Request) checkTarget() error {
	protocol := r.Target.Protocol
	gateway, remote, fast := protocol != "http", protocol != "cgi", protocol == "fastcgi"
	for _, flag := range []struct {
		name      string
		set, fits bool
		hint      string
	}{
		{"--role", r.Role != "", fast, "only FastCGI has roles"},
		{"--no-keep-conn", r.NoKeepConn, fast, "only FastCGI keeps connections here"},
		{"--values", r.Values, fast, "FCGI_GET_VALUES is FastCGI's"},
		{"--connect-timeout", r.ConnectTimeout != 0, remote, "a CGI script is started, not connected to"},
		{"--user", r.RunAs != "", !remote, "it is the user that a CGI script runs as; -u NAME:PASSWORD is HTTP's"},
		{"--env", len(r.Env) > 0, gateway, "HTTP has fields: -H 'Name: value'"},
		{"--env-file", len(r.EnvFiles) > 0, gateway, "HTTP has fields: -H 'Name: value'"},
		{"--as", r.As != "", gateway, "HTTP has no meta-variables"},
		{"--root", r.Root != "", gateway, "HTTP has no meta-variables"},
		{"--script-filename", r.ScriptFilename != "", gateway, "HTTP has no meta-variables"},
		{"--script-name", r.ScriptName != nil, gateway, "HTTP has no meta-variables"},
		{"--path-info", r.PathInfo != nil, gateway, "HTTP has no meta-variables"},
		{"--explain-env", r.Explain, gateway, "HTTP has no meta-variables"},
		{"--php", r.PHP != "", gateway, "an HTTP server cannot be told which script to run"},
	} {
		if flag.set && !flag.fits {
			return cli.Usage(fmt.Errorf("%s has no effect on a target of the protocol %s", flag.name, protocol), flag.hint)
		}
	}
	return nil
}

// checkBodies refuses two bodies, and a body with another meaning.
func (r *Request) checkBodies() error {
	var given []string
	for _, body := range []struct {
		name string
		set  bool
	}{
		{"-d", len(r.Data) > 0 && !r.InQuery}, {"-F", len(r.Form) > 0}, {"--xmlrpc", r.XMLRPC != ""}, {"--jsonrpc", r.JSONRPC != ""},
	} {
		if body.set {
			given = append(given, body.name)
		}
	}
	switch {
	case len(given) > 1:
		return cli.Usage(fmt.Errorf("%s and %s cannot be used together", given[0], given[1]), "a request has one body")
	case r.HeadOnly && len(given) > 0:
		return cli.Usage(fmt.Errorf("-I and %s cannot be used together", given[0]), "a HEAD request has no body; -i shows the head of any answer")
	case len(r.Args) > 0 && r.XMLRPC == "" && r.JSONRPC == "":
		return cli.Usage(fmt.Errorf("%.100q is one argument too many", r.Args[0]), "cgikit request TARGET [PATH]")
	}
	return nil
}

func (r *Request) checkValues() error {
	switch {
	case r.Role != "" && roles[r.Role] == 0:
		return cli.Usage(fmt.Errorf("--role %.32q is not known", r.Role), "--role is responder, authorizer or filter")
	case r.Print != "" && r.Print != "shell":
		return cli.Usage(fmt.Errorf("--print %.32q is not known", r.Print), "--print is shell")
	case r.Repeat < 0 || r.Repeat > maxRepeat:
		return cli.Usage(fmt.Errorf("--repeat %d is not between 1 and %d", r.Repeat, maxRepeat), "leave the flag out for one request")
	case r.ConnectTimeout < 0 || r.Timeout < 0:
		return cli.Usage(errors.New("a timeout cannot be negative"), "0 is no bound")
	}
	return checkFormat(r.WriteOut)
}

// roles are the FastCGI roles by their names.
var roles = map[string]fastcgi.Role{
	"responder": fastcgi.RoleResponder, "authorizer": fastcgi.RoleAuthorizer, "filter": fastcgi.RoleFilter,
}
