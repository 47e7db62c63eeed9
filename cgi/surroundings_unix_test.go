//go:build unix

package cgi_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
)

func TestScriptEnvironment(t *testing.T) {
	t.Setenv("CGIKIT_TEST_ZONE", "here")
	t.Setenv("CGIKIT_TEST_BOTH", "inherited")
	t.Setenv("CGIKIT_TEST_SECRET", "leaked")
	s := shell(t, `printf 'Content-Type: text/plain\n\n'; env | grep -E '^(CGIKIT|HTTP_|PATH=|FROM)' | sort`)
	s.InheritEnv = []string{"CGIKIT_TEST_ZONE", "CGIKIT_TEST_BOTH", "CGIKIT_TEST_UNSET"}
	s.Env = []string{"CGIKIT_TEST_BOTH=env"}
	r := request("GET", nil)
	r.Environ.Set("CGIKIT_TEST_ZONE", "client's")
	r.Environ.Set("HTTP_PROXY", "http://evil.example/") // CVE-2016-5386
	r.Environ.Set("HTTP_ACCEPT", "*/*")
	_, body, err := fetch(t, s, r)
	want := "CGIKIT_STRICT_EXIT=1\nCGIKIT_TEST_BOTH=env\nCGIKIT_TEST_ZONE=here\nHTTP_ACCEPT=*/*\nPATH=" + os.Getenv("PATH") + "\n"
	if body != want || err != nil {
		t.Errorf("got %q, %v; want %q", body, err, want)
	}
	if r.Environ.Get("CGIKIT_TEST_ZONE") != "client's" {
		t.Error("the request's environ was changed")
	}
}

// TestScriptWithoutPath: a PATH that this process has not does not come from the request.
func TestScriptWithoutPath(t *testing.T) {
	s := shell(t, `printf 'Content-Type: text/plain\n\n%s' "$(/usr/bin/env | /bin/grep -c '^PATH=/client')"`)
	t.Setenv("PATH", "") // so that it is set back
	os.Unsetenv("PATH")
	r := request("GET", nil)
	r.Environ.Set("PATH", "/client")
	if _, body, err := fetch(t, s, r); body != "0" || err != nil {
		t.Errorf("got %q, %v; want none of it", body, err)
	}
}

// TestScriptRefusesFunctions: CVE-2014-6271.
func TestScriptRefusesFunctions(t *testing.T) {
	s := shell(t, `printf 'Content-Type: text/plain\n\nran'`)
	r := request("GET", nil)
	r.Environ.Set("HTTP_USER_AGENT", "() { :;}; echo attacked")
	if _, body, err := fetch(t, s, r); body != "ran" || err != nil {
		t.Errorf("got %q, %v; want it to run", body, err)
	}
	s.RefuseFunctions = true
	var refused *gateway.RequestError
	if _, _, err := fetch(t, s, r); !errors.As(err, &refused) || refused.Input != "HTTP_USER_AGENT" {
		t.Errorf("got %v; want a RequestError that names the variable", err)
	}
	if _, body, err := fetch(t, s, request("GET", nil)); body != "ran" || err != nil {
		t.Errorf("got %q, %v; want it to run", body, err)
	}
}

// TestScriptCannotRun: CVE-2008-1111, a script that does not start is never sent instead.
func TestScriptCannotRun(t *testing.T) {
	write := func(name, text string, mode fs.FileMode) string {
		path := filepath.Join(t.TempDir(), name)
		writeScript(t, path, text, mode)
		return path
	}
	for _, test := range []struct {
		name   string
		script *cgi.Script
		detail string
	}{
		{"missing", &cgi.Script{Path: filepath.Join(t.TempDir(), "missing")}, "missing: no such file"},
		{"no Path", &cgi.Script{}, "permission denied"},
		{"folder", &cgi.Script{Path: t.TempDir()}, "permission denied"},
		{"not executable", &cgi.Script{Path: write("plain", "#!/bin/sh\necho secret", 0o644)}, "permission denied"},
		{"no format", &cgi.Script{Path: write("empty", "secret", 0o755)}, "exec format error (hint: a script's first line"},
		{"no interpreter", &cgi.Script{Path: write("interp", "#!/no/such/interpreter\nsecret", 0o755)}, "not the interpreter"},
		{"line ends of Windows", &cgi.Script{Path: write("crlf", "#!/bin/sh\r\necho secret\r\n", 0o755)}, "without CR"},
		{"no Dir", &cgi.Script{Path: write("dir", "#!/bin/sh\necho secret", 0o755), Dir: "/no/such/dir"}, "cannot run in its folder: chdir /no/such/dir: no such file or directory"},
		{"Dir is a file", &cgi.Script{Path: write("in", "#!/bin/sh\necho secret", 0o755), Dir: "/dev/null"}, "cannot run in its folder: chdir /dev/null: not a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, body, err := fetch(t, test.script, request("GET", nil))
			failure(t, err, 502, "the script cannot be started")
			if body != "" || err != nil && !strings.Contains(err.Error(), test.detail) {
				t.Errorf("got %q, %v; want nothing, and %q", body, err, test.detail)
			}
		})
	}
}

// TestScriptTooMuchEnvironment: C47, what the kernel takes is bounded, and the client is to blame.
func TestScriptTooMuchEnvironment(t *testing.T) {
	var log strings.Builder
	r := request("GET", nil)
	r.Stderr = &log
	r.Environ.Set("HTTP_X_BIG", strings.Repeat("x", 16<<20))
	resp, body, err := fetch(t, shell(t, `echo ran`), r)
	if err != nil || resp.Status != "431 Request Header Fields Too Large" || strings.Contains(body, "ran") {
		t.Errorf("got %+v, %q, %v; want a 431", resp, body, err)
	}
	if !strings.Contains(log.String(), "argument list too long") {
		t.Errorf("got the log %q; want the cause", log.String())
	}
}

// TestScriptSlotAfterFailure: a script that does not start gives its place back.
func TestScriptSlotAfterFailure(t *testing.T) {
	s := &cgi.Script{Path: "/no/such/script", MaxScripts: 1, MaxQueue: -1}
	for range 3 {
		_, _, err := fetch(t, s, request("GET", nil))
		failure(t, err, 502, "the script cannot be started")
	}
}

func TestScriptBusy(t *testing.T) {
	s := shell(t, `printf 'Content-Type: text/plain\n\nbegun\n'; sleep 600`)
	s.MaxScripts, s.MaxQueue = 1, -1
	resp, _ := begin(t, s, request("GET", nil))
	_, _, err := fetch(t, s, request("GET", nil))
	failure(t, err, 503, "too many scripts are running")
	resp.Body.Close()
	resp, _ = begin(t, s, request("GET", nil)) // Close waited for the script, so its place is free
	resp.Body.Close()
}

// TestScriptInherits: C48. The web server is started with an open descriptor and ignored signals,
// as by nohup from a careless shell.
func TestScriptInherits(t *testing.T) {
	open, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	// A shell cannot trap what was ignored when it began.
	s := shell(t, `printf 'Content-Type: text/plain\n\n'; for s in HUP INT TERM PIPE; do sh -c "kill -$s \$\$; echo survived $s"; done
for fd in 3 4 5 6 7 8 9 10 11; do if (exec <&$fd) 2>/dev/null; then echo open $fd; fi; done`)
	c := exec.Command("/bin/sh", "-c", `trap '' HUP INT; exec "$0"`, executable(t))
	c.Env = append(os.Environ(), surroundings+"="+s.Path, noRaceSleep)
	c.ExtraFiles = []*os.File{open, open, open}
	out, err := c.Output()
	if string(out) != "" || err != nil {
		t.Errorf("got %q, %v; want nothing to survive and nothing open", out, err)
	}
}
