package conf

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
)

// Find returns the path of the program of a server, such as "nginx", in PATH and in the folders of
// system programs, which only root has in PATH. The Apache of Red Hat and FreeBSD is called httpd,
// and Debian's php-fpm has its version in its name.
func Find(server string) (string, error) {
	names := []string{server}
	switch server {
	case "apache2":
		names = append(names, "httpd")
	case "php-fpm":
		names = append(names, "php-fpm8*")
	}
	for _, name := range names {
		for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/", "/usr/local/bin/", "/opt/homebrew/bin/"} {
			if path, err := exec.LookPath(newest(dir + name)); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("no program %q in PATH, /usr/sbin, /usr/local or /opt/homebrew/bin", server)
}

// newest returns the last file that matches a pattern, or the pattern.
func newest(pattern string) string {
	found, _ := filepath.Glob(pattern) // the patterns here are valid
	if len(found) == 0 {
		return pattern
	}
	return found[len(found)-1]
}

// Foreground returns the command that runs a server in the foreground, with its configuration in
// file and its own files in the folder dir.
func Foreground(server, binary, file, dir string) *exec.Cmd {
	switch server {
	// -e: nginx would log to the system's log until it has read the configuration
	case "nginx":
		return exec.Command(binary, "-e", filepath.Join(dir, "error.log"), "-c", file)
	case "lighttpd":
		return exec.Command(binary, "-D", "-f", file)
	case "haproxy": // -W: only a master writes a pid file
		return exec.Command(binary, "-W", "-f", file)
	case "caddy":
		return exec.Command(binary, "run", "--adapter", "caddyfile", "--pidfile", filepath.Join(dir, "pid"), "--config", file)
	case "php-fpm":
		return exec.Command(binary, "-F", "-y", file)
	default:
		return exec.Command(binary, "-DFOREGROUND", "-f", file)
	}
}

// Check returns the command by which a server checks the syntax of the configuration in file. Its
// own files are in the folder dir. The command is nil for a server that has no such check.
func Check(ctx context.Context, server, binary, file, dir string) *exec.Cmd {
	var args []string
	switch server {
	case "nginx":
		args = []string{"-t", "-q", "-e", filepath.Join(dir, "error.log"), "-c", file}
	case "lighttpd":
		args = []string{"-tt", "-f", file}
	case "haproxy":
		args = []string{"-c", "-q", "-f", file}
	case "caddy":
		args = []string{"validate", "--adapter", "caddyfile", "--config", file}
	case "apache2":
		args = []string{"-t", "-f", file}
	case "php-fpm":
		args = []string{"-t", "-y", file}
	default:
		return nil
	}
	return exec.CommandContext(ctx, binary, args...)
}

// Includes returns the folder of nginx's stock parameter files, which is that of its built-in
// configuration.
func Includes(binary string) string {
	// the folder of most systems if nginx does not print one
	out, _ := exec.Command(binary, "-V").CombinedOutput()
	if m := regexp.MustCompile(`--conf-path=(\S+)`).FindSubmatch(out); m != nil {
		return filepath.Dir(string(m[1]))
	}
	return "/etc/nginx"
}

// Modules returns the folder of Apache's modules. No option of the program prints it, so the list
// has the folders of Debian, Fedora, Alpine, FreeBSD, Homebrew and macOS.
func Modules() string {
	places := []string{
		"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/apache2", "/usr/local/libexec/apache24",
		"/opt/homebrew/lib/httpd/modules", "/usr/local/lib/httpd/modules", "/usr/libexec/apache2",
	}
	for _, dir := range places {
		if _, err := os.Stat(filepath.Join(dir, "mod_authz_core.so")); err == nil {
			return dir
		}
	}
	return places[0]
}

// Workers returns the user as whom a server's workers run when root starts it: the first of
// www-data, www, _www and nobody that the machine has.
func Workers() (*user.User, error) {
	names := []string{"www-data", "www", "_www", "nobody"}
	for _, name := range names {
		if u, err := user.Lookup(name); err == nil {
			return u, nil
		}
	}
	return nil, fmt.Errorf("the server's workers need one of the users %v", names)
}

// GroupOf returns the name of the first group of a user, or its number if it has no name.
func GroupOf(u *user.User) string {
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return u.Gid
	}
	return g.Name
}
