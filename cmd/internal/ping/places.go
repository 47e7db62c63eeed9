package ping

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway/listen"
)

// usualSockets are where Debian and Red Hat have the sockets of php-fpm. usualAddress is where the
// images of Docker have it, and php-fpm's own default.
var usualSockets = []string{"/run/php/*.sock", "/run/php-fpm/*.sock"}

const usualAddress = "fastcgi://127.0.0.1:9000"

// findTargets reads the TARGETs of the command line. Without one it is FCGI_CONNECT of
// php-fpm-healthcheck, and without that the usual sockets.
func findTargets(args []string, getenv func(string) string) (targets []target.Target, err error) {
	if len(args) == 0 {
		if connect := getenv("FCGI_CONNECT"); connect != "" {
			return parseConnect(connect)
		}
		args = findUsual(usualSockets)
	}
	for _, arg := range args {
		t, err := target.Parse(arg, "fastcgi", "scgi", "cgi", "http")
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// parseConnect reads FCGI_CONNECT: a path or host:port, as cgi-fcgi has it, or a TARGET.
func parseConnect(connect string) ([]target.Target, error) {
	name := connect
	if a, err := listen.ParseFor("fastcgi", connect); err == nil {
		name = a.String()
	}
	t, err := target.Parse(name, "fastcgi", "scgi", "cgi", "http")
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("FCGI_CONNECT: %w", err), "such as FCGI_CONNECT=/run/php/php-fpm.sock or 127.0.0.1:9000")
	}
	return []target.Target{t}, nil
}

// findUsual returns the sockets whose paths match, each once: Debian has a symbolic link to the
// default version's. Where no path does, it is the usual address.
func findUsual(patterns []string) (names []string) {
	var seen []os.FileInfo
	for _, pattern := range patterns {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil || info.Mode()&os.ModeSocket == 0 || containsFile(seen, info) || strings.Contains(path, "?") {
				continue
			}
			seen = append(seen, info)
			names = append(names, "fastcgi+unix:"+path)
		}
	}
	if len(names) == 0 {
		return []string{usualAddress}
	}
	return names
}

func containsFile(seen []os.FileInfo, info os.FileInfo) bool {
	for _, other := range seen {
		if os.SameFile(other, info) {
			return true
		}
	}
	return false
}
