package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/server"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

// TestMain is also what a test starts as one of the servers, or as a script.
func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0") // a server that ends under the race detector waits for a second
	if os.Getenv("GATEWAY_INTERFACE") != "" {
		if server.Script() != nil {
			os.Exit(1)
		}
		return
	}
	if own, err := peer.Serve(os.Args[1:], os.Stdin, os.Stdout, server.All()); own {
		if err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(leaks.Run(m))
}

// bench runs the program, and returns its status and what it writes.
func bench(args ...string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	status = run(args, strings.NewReader(""), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

func TestList(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"--help"}} {
		status, out, errs := bench(args...)
		if status != 0 || errs != "" {
			t.Errorf("%q: status %d, errors %q", args, status, errs)
		}
		for _, c := range commands() {
			if !strings.Contains(out, "  "+c.name+" ") || !strings.Contains(out, c.summary) {
				t.Errorf("%q does not list %s", args, c.name)
			}
		}
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"nonsense"}, `no benchmark is called "nonsense"` + "\nhint: without arguments it lists them"},
		{[]string{"hello", "-rounds", "0"}, "-rounds 0 is not from 1 to 1000"},
		{[]string{"hello", "-clients", "0"}, "has to be more than zero"},
		{[]string{"hello", "again"}, `unexpected argument "again"`},
		{[]string{"hello", "-nonsense"}, "flag provided but not defined"},
	} {
		status, _, errs := bench(c.args...)
		if !onLinux(t, status, errs) {
			continue
		}
		if status != 2 || !strings.Contains(errs, c.want) {
			t.Errorf("%q: status %d, errors %.300q; want 2, %q", c.args, status, errs, c.want)
		}
	}
}

// TestHelp: each benchmark tells its flags and the values that they have here.
func TestHelp(t *testing.T) {
	status, _, errs := bench("scgi", "-h")
	if !onLinux(t, status, errs) {
		return
	}
	for _, want := range []string{"SCGI: small requests", "rounds of each server, 1 to 1000 (default 25)", "(default 200ms)"} {
		if !strings.Contains(errs, want) {
			t.Errorf("status %d, no %q in\n%s", status, want, errs)
		}
	}
}

var cited = regexp.MustCompile(`cmd/internal/bench ([a-z]+)`)

// TestCitedCommands: each benchmark that a document or a comment names can be run.
func TestCitedCommands(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".go", ".md"}, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range cited.FindAllSubmatch(text, -1) {
			seen++
			if !slices.ContainsFunc(commands(), func(c command) bool { return c.name == string(m[1]) }) {
				t.Errorf("%s: no benchmark is called %q", path, m[1])
			}
		}
		return err
	})
	if err != nil || seen < 5 {
		t.Errorf("saw %d commands: %v", seen, err)
	}
}

// TestGofastVersion: a peer that is a module in this program has the module's version.
func TestGofastVersion(t *testing.T) {
	if version := peer.Gofast("", "").Version; !strings.HasPrefix(version, "v0.") {
		t.Errorf("gofast has the version %q", version)
	}
}
