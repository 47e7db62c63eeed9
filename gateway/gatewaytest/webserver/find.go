package webserver

import (
	"fmt"
	"os"
	"os/exec"
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
	flag := "-v"
	if name == "caddy" {
		flag = "version"
	}
	out, err := exec.Command(path, flag).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("webserver: %s %s: %w", name, flag, err)
	}
	if name == "caddy" { // which prints the version alone, before 2.7 without the v
		return "caddy/" + strings.TrimPrefix(strings.Fields(string(out) + " unknown")[0], "v"), nil
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
