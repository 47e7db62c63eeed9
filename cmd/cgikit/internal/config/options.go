package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// Options say which configuration is wanted. Only Server must be set.
type Options struct {
	// Server is a server, such as "nginx", or one configuration, such as "lighttpd-fastcgi-spawn":
	// see List.
	Server string

	// Listen has the addresses at which the application listens, in the grammar of package listen.
	// Most configurations have one. The default is a unix socket in /run, and for probes
	// fastcgi://127.0.0.1:9000.
	Listen []string

	// Target is another word for the one address of Listen. Systemd, and docker with Listen, have
	// both: the address at which cgikit serve listens, and the target that it answers with ("demo:"
	// by default).
	Target string

	// More are further targets of the service of systemd.
	More []string

	Mount      string   // path of the application, such as "/app"; "" is the root
	Root       string   // folder of a site in PHP, an absolute path; needs SplitPath
	SplitPath  []string // extensions of its scripts, such as ".php"
	Stream     bool     // send each part of a body on at once, in the place of the server's buffering
	KeepConn   bool     // keep connections to the application
	ServerName string   // with Full, or for HAProxy

	Full    bool   // a whole server, in the foreground, in place of the part to copy
	HTTP    string // with Full: host:port of the server; default 127.0.0.1:8080
	Dir     string // with Full: folder of the server's own files, an absolute path
	Explain bool   // a comment for each line that people get wrong
	Program string // systemd: the path of cgikit
	EnvFile string // systemd: the file with the settings of cgikit serve, in the place of Target
}

// defaultHTTP is the address of a whole server.
const defaultHTTP = "127.0.0.1:8080"

// checkFlags reports a flag that has no effect on the configurations that were chosen, and a TARGET
// that their service could not serve.
func (p *plan) checkFlags() error {
	o, c := p.options, p.choice
	for _, flag := range []struct {
		name      string
		set, fits bool
		what      string
	}{
		{"--mount", o.Mount != "", c.web && c.kind != kindPHP, "an application behind a web server; a site in PHP is at the path of its folder"},
		{"--root", o.Root != "", c.web, "a web server"},
		{"--split-path", len(o.SplitPath) > 0, c.kind == kindPHP || c.server == "php-fpm", "a web server in front of php-fpm, with --root, or with php-fpm"},
		{"--stream", o.Stream, c.web, "a web server"},
		{"--keep-conn", o.KeepConn, p.keepsConns(), "nginx, apache2 and haproxy with FastCGI, or with nginx and HTTP"},
		{"--full", o.Full, c.web || c.server == "php-fpm" || c.server == "kubernetes", "web servers, php-fpm and kubernetes"},
		{"--server-name", o.ServerName != "", c.web && o.Full || c.server == "haproxy" && p.speaksFastCGI(), "a web server and --full, or with haproxy and FastCGI"},
		{"--http", o.HTTP != "", c.web && o.Full, "a web server, and --full or --test"},
		{"--dir", o.Dir != "", o.Full && c.server != "kubernetes", "web servers and php-fpm, and --full or --test"},
		{"--program", o.Program != "", c.server == "systemd", "systemd"},
		{"--env-file", o.EnvFile != "", c.server == "systemd", "systemd"},
		{"TARGET beside --env-file", o.EnvFile != "" && o.Target != "", false, "units without --env-file; the file has CGIKIT_TARGET"},
		{"a second TARGET", len(o.More) > 0, c.server == "systemd", "systemd and fcgiwrap, whose services take several"},
		{"TARGET beside -l", o.Target != "" && len(o.Listen) > 0, o.startsServe(), "systemd and docker, which start cgikit serve"},
	} {
		if flag.set && !flag.fits {
			return cli.Usage(fmt.Errorf("%s has no effect on %s", flag.name, p.describe()), "use it with "+flag.what)
		}
	}
	for _, target := range append([]string{o.Target}, o.More...) {
		if o.replacesFcgiwrap() && target != "" && !strings.HasPrefix(target, "cgi:") {
			return cli.Usage(fmt.Errorf("fcgiwrap runs CGI scripts, and %.100q is none", target), "such as cgikit config fcgiwrap cgi:/usr/lib/cgi-bin")
		}
	}
	return nil
}

// describe names the configuration in a message.
func (p *plan) describe() string {
	if len(p.choice.names) == 1 {
		return p.choice.names[0]
	}
	return p.choice.server
}

func (p *plan) speaksFastCGI() bool {
	return p.choice.kind == "fastcgi" || p.choice.kind == kindPHP
}

// keepsConns reports whether the server can be told to keep connections. SCGI has none, and Caddy
// and lighttpd keep none over FastCGI. Over HTTP the others keep them without being told.
func (p *plan) keepsConns() bool {
	switch p.choice.server {
	case "nginx":
		return p.speaksFastCGI() || p.choice.kind == "http"
	case "apache2", "haproxy":
		return p.speaksFastCGI()
	}
	return false
}

// checkWords refuses values that a configuration would have to quote. Each server quotes in another
// way, and some cannot at all.
func (o *Options) checkWords() error {
	for _, word := range []struct{ flag, value string }{
		{"--mount", o.Mount}, {"--root", o.Root}, {"--server-name", o.ServerName}, {"--http", o.HTTP}, {"--dir", o.Dir},
		{"TARGET", o.Target}, {"TARGET", strings.Join(o.More, "")}, {"the path of cgikit", o.Program}, {"--env-file", o.EnvFile}, {"--split-path", strings.Join(o.SplitPath, "")},
		{"an address", strings.Join(o.Listen, "")},
	} {
		if i := strings.IndexFunc(word.value, mustQuote); i >= 0 {
			return cli.Usage(fmt.Errorf("%s %.200q has a character that a configuration would have to quote: %q", word.flag, word.value, []rune(word.value[i:])[0]),
				"use letters, digits and ./_-+~,=:@?&[]; a symbolic link can give a folder such a name")
		}
	}
	return o.checkPaths()
}

func mustQuote(r rune) bool {
	if r >= 0x80 {
		return r == '\uFFFD' || r == '\u0085' || r == '\u2028' || r == '\u2029'
	}
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("./_-+~,=:@?&[]", r))
}

func (o *Options) checkPaths() error {
	switch {
	case o.Mount != "" && (!strings.HasPrefix(o.Mount, "/") || strings.HasSuffix(o.Mount, "/")):
		return cli.Usage(fmt.Errorf("--mount %.200q is not a path such as /app", o.Mount), "it begins with a slash and does not end with one; without --mount the application is at /")
	case o.Root != "" && len(o.SplitPath) == 0:
		return cli.Usage(errors.New("--root needs --split-path"), "such as --root /srv/www --split-path .php")
	case len(o.SplitPath) > 0 && o.Root == "" && o.Server != "php-fpm":
		return cli.Usage(errors.New("--split-path needs --root"), "such as --root /srv/www --split-path .php")
	}
	for _, path := range []struct{ flag, value string }{{"--root", o.Root}, {"--dir", o.Dir}, {"--program", o.Program}, {"--env-file", o.EnvFile}} {
		if path.value != "" && !strings.HasPrefix(path.value, "/") {
			return cli.Usage(fmt.Errorf("%s %.200q is not an absolute path", path.flag, path.value), "a server does not know the folder that you are in")
		}
	}
	for _, extension := range o.SplitPath {
		if name := strings.TrimPrefix(extension, "."); name == extension || name == "" || strings.ContainsAny(name, "./") {
			return cli.Usage(fmt.Errorf("--split-path %.64q is not a dot and letters", extension), "such as --root /srv/www --split-path .php")
		}
	}
	return nil
}
