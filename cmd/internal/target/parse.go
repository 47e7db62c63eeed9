package target

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/listen"
)

// Target is something that can be asked: a FastCGI or SCGI application, an HTTP server, a CGI
// script or a folder of them.
type Target struct {
	listen.Address

	// Name is the target as the user wrote it.
	Name string
}

const hint = "such as fastcgi://127.0.0.1:9000, fastcgi+unix:/run/php/php-fpm.sock, scgi://127.0.0.1:4000 or cgi:SCRIPT"

// Parse reads a TARGET. Protocols are those that the verb can ask, of "fastcgi", "scgi", "cgi" and
// "http"; none means the first three. An error is a usage error whose hint has the address written
// out where it can be guessed: for a bare path of a socket, for host:port, for a script.
func Parse(name string, protocols ...string) (Target, error) {
	if len(protocols) == 0 {
		protocols = []string{"fastcgi", "scgi", "cgi"}
	}
	a, err := listen.Parse(name)
	t := Target{a, name}
	switch {
	case err != nil:
		return t, unknown(name, err)
	case a.Protocol == "":
		return t, unknown(name, errors.New("it does not say which protocol is spoken there"))
	case !slices.Contains(protocols, a.Protocol):
		return t, cli.Usage(fmt.Errorf("target %.200q: this command cannot ask %s", name, a.Protocol), "it asks "+strings.Join(protocols, ", "))
	case a.Network == "fd" || a.Network == "systemd":
		return t, cli.Usage(fmt.Errorf("target %.200q is an inherited socket: it can be listened on, not called", name), hint)
	case a.Proxy:
		return t, cli.Usage(fmt.Errorf("target %.200q has the option proxy=1, which is one of listeners only", name), "leave it out: targets get no PROXY protocol header")
	case a.Network == "tcp" && a.Port == 0:
		return t, cli.Usage(fmt.Errorf("target %.200q has no port that can be called", name), "write the port of the application")
	case a.Protocol == "cgi":
		return t, checkScript(name, a.Path)
	}
	return t, nil
}

// unknown says why name is not a target, and how to write what was probably meant.
func unknown(name string, reason error) error {
	err := fmt.Errorf("target %.200q is not an address: %w", name, withoutInput(reason))
	bare := strings.TrimPrefix(name, "unix:")
	info, statErr := os.Stat(bare)
	switch {
	case name == "":
		return cli.Usage(errors.New("the target is empty"), hint)
	case statErr == nil && info.Mode()&fs.ModeSocket != 0, statErr != nil && strings.HasPrefix(bare, "/") && looksLikeSocket(bare):
		return cli.Usage(err, fmt.Sprintf("write fastcgi+unix:%.200[1]s, or scgi+unix:%.200[1]s", bare))
	case statErr == nil:
		return cli.Usage(err, fmt.Sprintf("write cgi:%.200s", bare))
	}
	if a, parseErr := listen.ParseFor("fastcgi", name); parseErr == nil && a.Network == "tcp" {
		return cli.Usage(err, fmt.Sprintf("write fastcgi://%.200[1]s, or scgi://%.200[1]s", strings.TrimPrefix(a.String(), "fastcgi://")))
	}
	return cli.Usage(err, hint)
}

func looksLikeSocket(path string) bool {
	return strings.HasPrefix(path, "/run/") || strings.HasPrefix(path, "/var/run/") || filepath.Ext(path) == ".sock" || filepath.Ext(path) == ".socket"
}

// withoutInput takes the address out of an error of package listen: the line has it already.
func withoutInput(err error) error {
	if bad := (*listen.AddressError)(nil); errors.As(err, &bad) {
		return errors.New(bad.Reason)
	}
	return err
}

func checkScript(name, path string) error {
	if _, err := os.Stat(path); err != nil {
		return cli.Usage(fmt.Errorf("target %.200q: %w", name, pathCause(err)), "cgi: is followed by a script, or by a folder of scripts")
	}
	return nil
}

// pathCause is the error of the system without the path, which the line has already.
func pathCause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
