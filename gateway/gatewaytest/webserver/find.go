package webserver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Find returns the path of the program of the server or tool called name, such as "nginx". When it
// is not on the machine, Find skips the test, or fails it if the environment variable
// CGIKIT_REQUIRE lists the name. It also looks where the systems keep their servers, since only
// root's PATH has these folders.
func Find(t testing.TB, name string) string {
	t.Helper()
	return find(t, name, lookPath, os.Getenv("CGIKIT_REQUIRE"))
}

// FindFile is Find for what is no program in PATH: it looks for the file at path, which belongs to
// the package called name, such as "gitweb".
func FindFile(t testing.TB, name, path string) {
	t.Helper()
	find(t, name, func(string) (string, error) {
		_, err := os.Stat(path)
		return path, err
	}, os.Getenv("CGIKIT_REQUIRE"))
}

func find(t testing.TB, name string, look func(program string) (string, error), required string) string {
	t.Helper()
	path, err := look(name)
	switch {
	case err == nil:
		return path
	case slices.Contains(strings.Split(required, ","), name):
		t.Fatalf("webserver: CGIKIT_REQUIRE lists %s, which is not to be had: %v", name, err)
	default:
		t.Skipf("webserver: %s is not to be had: %v", name, err)
	}
	return ""
}

// Version returns what the server or tool called name says of itself, such as "nginx/1.22.1". An
// exclusion that holds for some versions only, and every captured environment, names it.
func Version(name string) (string, error) {
	path, err := lookPath(name)
	if err != nil {
		return "", fmt.Errorf("webserver: %w", err)
	}
	out, err := exec.Command(path, "-v").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("webserver: %s -v: %w", name, err)
	}
	return parseVersion(name, string(out))
}

func parseVersion(name, out string) (string, error) {
	m := regexp.MustCompile(`([A-Za-z]+)(?:/| version )([0-9]+\.[0-9][^\s]*)`).FindStringSubmatch(out) // HAProxy says "HAProxy version 2.6.12"
	if m == nil {
		return "", fmt.Errorf("webserver: %s -v tells no version: %.100q", name, out)
	}
	return m[1] + "/" + m[2], nil
}

// includes returns the folder in which nginx has its stock parameter files: the one of its built-in
// configuration.
func includes(binary string) string {
	// without an answer the folder of most systems
	out, _ := exec.Command(binary, "-V").CombinedOutput()
	if m := regexp.MustCompile(`--conf-path=(\S+)`).FindSubmatch(out); m != nil {
		return filepath.Dir(string(m[1]))
	}
	return "/etc/nginx"
}

// modules returns the folder in which Apache has its modules. No option of the program tells it;
// these are where Debian, Fedora, Alpine, FreeBSD, Homebrew and macOS have it.
func modules() string {
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
