//go:build unix

package cgi_test

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
)

// shell returns a script of that text.
func shell(t *testing.T, text string) *cgi.Script {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	writeScript(t, path, "#!/bin/sh\n"+text, 0o755)
	return &cgi.Script{Path: path}
}

// writeScript writes while no process is started: one that inherited the open file would make the script "text file busy" for a moment.
func writeScript(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// TestScriptVerdict: which responses are whole.
func TestScriptVerdict(t *testing.T) {
	tests := []struct {
		name   string
		text   string
		method string
		any    bool
		want   string
		status int
		err    string // "" is none
	}{
		{name: "whole", text: `printf 'Content-Type: text/plain\n\nbody'`, want: "body"},
		{name: "exit status", text: `printf 'Content-Type: text/plain\n\nbody'; exit 3`, want: "body", status: 3,
			err: "gateway: backend: the script failed: cgi: PATH: exit status 3"},
		{name: "exit status, any", text: `printf 'Content-Type: text/plain\n\nbody'; exit 3`, any: true, want: "body", status: 3},
		{name: "exit status after a whole Content-Length", text: `printf 'Content-Length: 4\n\nbody'; exit 3`, want: "body", status: 3},
		{name: "exit status within the Content-Length", text: `printf 'Content-Length: 5\n\nbody'; exit 3`, want: "body", status: 3,
			err: "gateway: backend: the script failed: cgi: PATH: exit status 3"},
		{name: "exit status of HEAD", text: `printf 'Content-Type: text/plain\n\n'; exit 3`, method: "HEAD", status: 3},
		{name: "signal", text: `printf 'Content-Type: text/plain\n\nbody'; kill -9 $$`, any: true, want: "body",
			err: "gateway: backend: the script failed: cgi: PATH: signal: killed"},
		{name: "C43 nothing", text: `exit 0`,
			err: "gateway: backend: the application sent a bad response head: nothing at all"},
		{name: "C43 nothing but a status", text: `exit 3`,
			err: "gateway: backend: the script failed: cgi: PATH: exit status 3; gateway: backend: the application sent a bad response head: nothing at all"},
		{name: "C43 no head", text: strings.Repeat("echo hello\n", 20) + "sleep 600",
			err: `gateway: backend: the application sent a bad response head: longer than 100 bytes`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := shell(t, test.text)
			s.AnyExitStatus, s.MaxHeadBytes = test.any, 100
			resp, body, err := fetch(t, s, request(cmp.Or(test.method, "GET"), nil))
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), `"`+s.Path+`"`, "PATH")
			}
			if got != test.err || body != test.want || resp != nil && resp.ExitStatus != test.status {
				t.Errorf("got %q, error %q, %+v; want %q, error %q, exit status %d", body, got, resp, test.want, test.err, test.status)
			}
		})
	}
}

// TestScriptSurroundings: what a script finds (C27, C48, A6).
func TestScriptSurroundings(t *testing.T) {
	t.Setenv("CGIKIT_TEST_SECRET", "leaked")
	s := shell(t, `printf 'Content-Type: text/plain\n\n'; echo "$#"; pwd -P; env | sort | grep -v '^\(PWD\|_\|SHLVL\|OLDPWD\)='`)
	t.Chdir(filepath.Dir(s.Path))
	dir, err := filepath.EvalSymlinks(filepath.Dir(s.Path))
	if err != nil {
		t.Fatal(err)
	}
	s.Path = "script" // a relative one is found from here, not from Dir
	s.Env = []string{"ADDED=1", "SERVER_PROTOCOL=HTTP/1.0"}
	r := request("GET", nil)
	r.Environ.Set("QUERY_STRING", "-s+-d")
	r.Environ.Set("PATH", "/client")
	_, body, err := fetch(t, s, r)
	if err != nil {
		t.Fatal(err)
	}
	want := "0\n" + dir + "\nADDED=1\nGATEWAY_INTERFACE=CGI/1.1\nPATH=" + os.Getenv("PATH") +
		"\nQUERY_STRING=-s+-d\nREQUEST_METHOD=GET\nSCRIPT_NAME=/app\nSERVER_PROTOCOL=HTTP/1.0\n"
	if body != want {
		t.Errorf("got\n%s\nwant\n%s", body, want)
	}
}

func TestScriptDirAndArgs(t *testing.T) {
	s := shell(t, `printf 'Content-Type: text/plain\n\n'; pwd -P; echo "$1 $2"`)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.Dir, s.Args = dir, []string{"one", "two"}
	if _, body, err := fetch(t, s, request("GET", nil)); body != dir+"\none two\n" {
		t.Errorf("got %q, %v; want the folder and one two", body, err)
	}
}

// TestScriptLeavesProcess: C49, a process that holds standard output and error after the script has ended.
func TestScriptLeavesProcess(t *testing.T) {
	t.Parallel() // it takes as long as such a process is borne with
	s := shell(t, `printf 'Content-Type: text/plain\n\nbody'; sleep 600 & echo $! >&2`)
	pid, err := os.Create(filepath.Join(t.TempDir(), "pid"))
	if err != nil {
		t.Fatal(err)
	}
	defer pid.Close()
	r := request("GET", nil)
	r.Stderr = struct{ io.Writer }{pid} // not a file, so that it is copied
	_, body, err := fetch(t, s, r)
	if body != "body" || err != nil {
		t.Errorf("got %q, %v; want body", body, err)
	}
	killPID(t, pid.Name())
}

// TestScriptKillsGroup: C49, a context that ends takes along what the script has started.
func TestScriptKillsGroup(t *testing.T) {
	s := shell(t, `printf 'Content-Type: text/plain\n\n'; sleep 600 & echo $!; wait`)
	resp, err := s.RoundTrip(request("GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 32)
	n, err := resp.Body.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	pid := pidOf(t, string(line[:n]))
	for range 1000 { // the kernel reaps it in its own time
		if gone(pid) {
			return
		}
		pause()
	}
	t.Errorf("process %d is still there", pid)
}

func TestScriptRefusedHead(t *testing.T) {
	var broken *gateway.BackendError
	_, _, err := fetch(t, shell(t, `printf 'Status: no\n\n'`), request("GET", nil))
	if !errors.As(err, &broken) || broken.Status != 502 {
		t.Errorf("got %v; want a BackendError 502", err)
	}
}

// TestScriptClose: closing early neither waits for the script nor for a client that sends no more.
func TestScriptClose(t *testing.T) {
	stdin, client := io.Pipe()
	defer client.Close()
	r := request("POST", []byte("12345"))
	r.Stdin = stdin
	resp, err := shell(t, `printf 'Content-Type: text/plain\n\n'; sleep 600`).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
}
