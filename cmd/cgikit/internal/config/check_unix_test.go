//go:build unix

package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// programFor is the name of the program that checks a configuration, for webserver.Find.
func programFor(server string) string {
	switch server {
	case "systemd":
		return "systemd-analyze"
	case "php-fpm":
		return "php-fpm8.2"
	}
	return server
}

// TestServersAcceptAll: each server accepts each of its configurations, in the variants that flags
// make.
func TestServersAcceptAll(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, e := range List() {
		server := serverOf(e.Name)
		if server == "docker" || server == "kubernetes" {
			continue // container_test.go runs what is in them
		}
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			webserver.Find(t, programFor(server))
			for _, o := range variants(e.Name, root) {
				line, err := Check(t.Context(), o)
				name := strings.Replace(e.Name, "fcgiwrap", "systemd.fcgiwrap", 1)
				if strings.HasPrefix(e.Name, "systemd") {
					name = e.Name
				}
				if err != nil || !strings.Contains(line, " accepts the configuration "+name) {
					t.Errorf("%+v: got %q, %v", o, line, err)
				}
			}
		})
	}
}

// variants returns the options that can be set for a configuration: alone, and all at once.
func variants(name, root string) []Options {
	plain := optionsFor(name)
	if plain.Root != "" {
		plain.Root = root
	}
	units := serverOf(name) == "systemd"
	if units {
		plain.Program, _ = os.Executable() // systemd-analyze looks for it
	}
	full := plain
	full.Explain = true
	if units {
		full.EnvFile = "/etc/default/cgikit"
	}
	p, err := newPlan(plain)
	if err != nil || !p.choice.web {
		return []Options{plain, full}
	}
	full.Stream, full.ServerName = true, "example.org"
	if p.choice.kind != kindPHP {
		full.Mount = "/app"
	}
	full.KeepConn = p.keepsConns()
	return []Options{plain, full}
}

// TestServerRefuses: the line has what the server says.
func TestServerRefuses(t *testing.T) {
	webserver.Find(t, "nginx")
	line, err := Check(t.Context(), Options{Server: "nginx", HTTP: "192.0.2.1:8080"})
	if err == nil || !strings.Contains(err.Error(), "bind() to 192.0.2.1:8080 failed") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %q, %v; want the error of nginx in one line", line, err)
	}
	if cli.Status(err) != cli.StatusFailure || cli.Hint(err) == "" {
		t.Errorf("got exit status %d and the hint %q", cli.Status(err), cli.Hint(err))
	}
}

// TestServerNamesTheCause: Apache names the line, and the cause in the next line.
func TestServerNamesTheCause(t *testing.T) {
	webserver.Find(t, "apache2")
	_, err := Check(t.Context(), Options{Server: "apache2", Root: "/no/such/folder", SplitPath: []string{".php"}})
	if err == nil || !strings.Contains(err.Error(), "; DocumentRoot '/no/such/folder' is not a directory") {
		t.Errorf("got %v; want the cause that Apache names", err)
	}
}

// useServer makes a shell script the server of that name, the only one in PATH.
func useServer(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if script != "" {
		webserver.WriteProgram(t, filepath.Join(dir, name), "#!/bin/sh\n"+script)
	}
	t.Setenv("PATH", dir)
}

// TestCheckOfOddServers: a server that says much or nothing leads to one bounded line, and one that
// does not end to an end by the context. None leaves a file behind.
func TestCheckOfOddServers(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, c := range []struct{ name, script, want string }{
		{"says nothing", "exit 3", "caddy refuses the configuration: exit status 3"},
		{"says much", "i=0; while [ $i -lt 2000 ]; do echo error $i; i=$((i+1)); done; exit 1", "caddy refuses the configuration: error 0; error 1; "},
		{"says it on several lines", "echo loading; echo 'Error: no'; exit 1", "caddy refuses the configuration: Error: no"},
		{"dies", "kill -9 $$", "caddy refuses the configuration: signal: killed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			useServer(t, "caddy", c.script)
			_, err := Check(t.Context(), Options{Server: "caddy"})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000 {
				t.Errorf("got %.1200v; want %s, in one line", err, c.want)
			}
		})
	}
	t.Run("does not end", func(t *testing.T) {
		useServer(t, "caddy", "while :; do :; done")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("interrupted"))
		if _, err := Check(ctx, Options{Server: "caddy"}); err == nil || !strings.Contains(err.Error(), "caddy did not end in time") {
			t.Errorf("got %v", err)
		}
	})
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("got files %v, %v; want none left", left, err)
	}
}

// TestCheckNamesAMissingServer: the machine may have the server in another folder than PATH.
func TestCheckNamesAMissingServer(t *testing.T) {
	if _, err := os.Stat("/usr/sbin/no-such-server"); err == nil {
		t.Fatal("the machine has the server that no machine has")
	}
	programs["caddy"] = "no-such-server"
	defer delete(programs, "caddy")
	_, err := Check(t.Context(), Options{Server: "caddy"})
	if err == nil || !strings.Contains(err.Error(), `no program "no-such-server"`) || !strings.Contains(cli.Hint(err), "install no-such-server") {
		t.Errorf("got %v, hint %q", err, cli.Hint(err))
	}
}

func TestNoCheckOfContainers(t *testing.T) {
	for _, name := range []string{"docker", "kubernetes", "docker.serve"} {
		if _, err := Check(t.Context(), Options{Server: name}); cli.Status(err) != cli.StatusUsage || cli.Hint(err) == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
