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
// CGIKIT_REQUIRE lists the name. It also looks in the folders of system programs, which only root
// has in PATH.
func Find(t testing.TB, name string) string {
	t.Helper()
	return find(t, name, findProgram, os.Getenv("CGIKIT_REQUIRE"))
}

// FindFile is Find for a file that is not a program in PATH. name is the package that the file at
// path belongs to, such as "gitweb".
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
		t.Fatalf("webserver: CGIKIT_REQUIRE lists %s, which is not available: %v", name, err)
	default:
		t.Skipf("webserver: %s is not available: %v", name, err)
	}
	return ""
}

// Version returns the name and version that the server or tool called name prints, such as
// "nginx/1.22.1". Exclusions and captured environments cite it.
func Version(name string) (string, error) {
	path, err := findProgram(name)
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
	m := regexp.MustCompile(`([A-Za-z]+)(?:/| version )([0-9]+\.[0-9][^\s]*)`).FindStringSubmatch(out) // HAProxy prints "HAProxy version 2.6.12"
	if m == nil {
		return "", fmt.Errorf("webserver: %s -v prints no version: %.100q", name, out)
	}
	return m[1] + "/" + m[2], nil
}

// includes returns the folder of nginx's stock parameter files, which is that of its built-in
// configuration.
func includes(binary string) string {
	// the folder of most systems if nginx does not print one
	out, _ := exec.Command(binary, "-V").CombinedOutput()
	if m := regexp.MustCompile(`--conf-path=(\S+)`).FindSubmatch(out); m != nil {
		return filepath.Dir(string(m[1]))
	}
	return "/etc/nginx"
}

// modules returns the folder of Apache's modules. No option of the program prints it, so the list
// has the folders of Debian, Fedora, Alpine, FreeBSD, Homebrew and macOS.
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
