//go:build unix

package ping

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

const testdata = "../../../testdata/responder/"

// program is an application of others that listens on a unix socket.
type program struct {
	name    string
	command func(t *testing.T, dir, socket string) *exec.Cmd
	values  string // what GET_VALUES makes of it
	path    string // that it answers; DIR is its folder
}

var programs = []program{
	{"libfcgi", func(t *testing.T, dir, socket string) *exec.Cmd {
		built := filepath.Join(dir, "libfcgi")
		if out, err := exec.Command(webserver.Find(t, "cc"), "-o", built, testdata+"libfcgi.c", "-lfcgi").CombinedOutput(); err != nil {
			missing(t, "libfcgi", out)
		}
		return exec.Command(built, socket)
	}, "ok: FastCGI at ", "/x?log"},
	{"FCGI.pm", func(t *testing.T, dir, socket string) *exec.Cmd {
		perl := webserver.Find(t, "perl")
		if out, err := exec.Command(perl, "-MFCGI", "-e", "1").CombinedOutput(); err != nil {
			missing(t, "FCGI.pm", out)
		}
		return exec.Command(perl, testdata+"fcgi.pl", socket)
	}, "ok: FastCGI at ", "/x?log"},
	{"fcgiwrap", func(t *testing.T, dir, socket string) *exec.Cmd {
		return exec.Command(webserver.Find(t, "fcgiwrap"), "-f", "-s", "unix:"+socket)
	}, "ok: FastCGI at ", "DIR/script.sh"},
	{"php-cgi", func(t *testing.T, dir, socket string) *exec.Cmd {
		c := exec.Command(webserver.Find(t, "php-cgi"), "-n", "-b", socket)
		c.Env = append(os.Environ(), "PHP_FCGI_CHILDREN=0")
		return c
	}, "ok: FastCGI at ", "DIR/ok.php"},
}

// TestPrograms asks FastCGI applications on three libraries, and php-cgi, both questions.
func TestPrograms(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			dir := webserver.Dir(t)
			socket := filepath.Join(dir, "s")
			err := errors.Join(os.WriteFile(filepath.Join(dir, "script.sh"), []byte("#!/bin/sh\necho Content-Type: text/plain\necho\necho ok\n"), 0o755),
				os.WriteFile(filepath.Join(dir, "ok.php"), []byte("<?php echo 'ok';\n"), 0o644))
			if err != nil {
				t.Fatal(err)
			}
			startProgram(t, p.command(t, dir, socket))
			target := "fastcgi+unix:" + socket
			wantLine(t, runPing(t, enough, "--wait=60s", target), 0, p.values+socket, "")
			path := strings.ReplaceAll(p.path, "DIR", dir)
			wantLine(t, runPing(t, enough, "--path", path, "--expect-body", "^ok", target), 0, "ok: FastCGI at "+socket+", 200", queued("queue 0 of "))
			if p.name == "php-cgi" {
				wantHint(t, runPing(t, enough, "--path", path+"x", target), "unhealthy: ", "the full name of a script")
			}
		})
	}
}

// startProgram runs a program until the test ends.
func startProgram(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%.2000s", cmd.Path, log.String())
		}
	})
}

// missing does for a library what webserver.Find does for a program.
func missing(t *testing.T, name string, why []byte) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("CGIKIT_REQUIRE"), ","), name) {
		t.Fatalf("CGIKIT_REQUIRE lists %s, which is not to be had:\n%.500s", name, why)
	}
	t.Skipf("%s is not to be had: %.200s", name, why)
}

// TestUWSGI asks a Python application behind both forms of SCGI that uWSGI has: with a Status
// field, and with a status line of HTTP.
func TestUWSGI(t *testing.T) {
	binary := webserver.Find(t, "uwsgi_python3")
	dir := webserver.Dir(t)
	app, log, socket := filepath.Join(dir, "app.py"), filepath.Join(dir, "log"), filepath.Join(dir, "s")
	const text = `def application(environ, start_response):
    if environ["PATH_INFO"] == "/missing":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"none"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
`
	if err := os.WriteFile(app, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	startProgram(t, exec.Command(binary, "--scgi-socket", "127.0.0.1:0", "--scgi-nph-socket", socket, "--wsgi-file", app, "--need-app", "--disable-logging", "--logto", log))
	bound := regexp.MustCompile(`bound to TCP address (127\.0\.0\.1:\d+)`)
	address := ""
	waitFor(t, "uWSGI listens", func() bool {
		text, _ := os.ReadFile(log)
		if m := bound.FindSubmatch(text); m != nil {
			address = string(m[1])
		}
		return address != ""
	})
	for target, place := range map[string]string{"scgi://" + address: address, "scgi+unix:" + socket: socket} {
		wantLine(t, runPing(t, enough, "--wait=60s", target), 0, "ok: SCGI at "+place+", 200 OK, ", queued("queue 0 of "))
		wantLine(t, runPing(t, enough, "--path", "/a", "--expect-body", "^/a$", target), 0, "ok: SCGI at "+place+", 200 OK, ", "")
		wantLine(t, runPing(t, enough, "--path", "/missing", target), 1, "unhealthy: "+place+": /missing answers 404 Not Found", "")
	}
}

// TestPHPCGI runs a script that php-cgi interprets, as a CGI program.
func TestPHPCGI(t *testing.T) {
	php := webserver.Find(t, "php-cgi")
	dir := webserver.Dir(t)
	script := filepath.Join(dir, "page.php")
	if err := os.WriteFile(script, []byte("#!"+php+"\n<?php echo $_SERVER['PATH_INFO'];\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	wantLine(t, runPing(t, enough, "cgi:"+script), 0, "ok: CGI at "+script+", 200, ", "")
}
