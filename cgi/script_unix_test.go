//go:build unix

package cgi_test

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// writeScript writes while no process is started: one that inherited the open file would make the
// script "text file busy" for a moment.
func writeScript(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// TestScriptOutcome: which responses are complete.
func TestScriptOutcome(t *testing.T) {
	const head = `printf 'Content-Type: text/plain\n\n'; `
	failed := func(how string) string { return "gateway: backend: the script failed: cgi: PATH: " + how }
	tests := []struct {
		name   string
		text   string
		method string
		strict bool
		want   string
		status int
		late   bool   // the exit status may come after the response
		err    string // "" is none
		log    string
	}{
		{name: "complete", text: head + `printf body`, want: "body"},
		{name: "exit status", text: head + `printf body; exit 3`, want: "body", status: 3, log: "cgi: PATH: exit status 3\n"},
		{name: "a grep without a hit", text: head + `printf 'body'; echo none | grep some`, want: "body", status: 1, log: "cgi: PATH: exit status 1\n"},
		{name: "its own error page", text: `printf 'Status: 500 Oops\n\nsorry'; exit 1`, want: "sorry", status: 1, log: "cgi: PATH: exit status 1\n"},
		{name: "redirect", text: `printf 'Location: /other\n\n'; exit 255`, status: 255, log: "cgi: PATH: exit status 255\n"},
		{name: "exit status of HEAD", text: head + `exit 3`, method: "HEAD", status: 3, late: true, log: "cgi: PATH: exit status 3\n"},
		{name: "exit status after its Content-Length", late: true, text: `printf 'Content-Length: 4\n\nbody'; exit 3`, want: "body", status: 3,
			log: "cgi: PATH: exit status 3\n"},
		{name: "exit status within its Content-Length", text: `printf 'Content-Length: 5\n\nbody'; exit 3`, want: "body", status: 3,
			err: "gateway: backend: the application sent a body shorter than it declared: 1 bytes of its Content-Length are missing: unexpected EOF",
			log: "cgi: PATH: exit status 3\n"},

		{name: "strict", text: head + `printf body; exit 3`, strict: true, want: "body", status: 3, err: failed("exit status 3")},
		{name: "strict and complete", text: head + `printf body`, strict: true, want: "body"},
		{name: "strict within its Content-Length", text: `printf 'Content-Length: 5\n\nbody'; exit 3`, strict: true, want: "body", status: 3,
			err: failed("exit status 3")},
		{name: "strict after its Content-Length", late: true, text: `printf 'Content-Length: 4\n\nbody'; exit 3`, strict: true, want: "body", status: 3,
			log: "cgi: PATH: exit status 3\n"},
		{name: "strict by its own field", text: `printf 'x-cgi-strict-exit: 1\nA: b\n\nbody'; exit 3`, want: "body", status: 3, err: failed("exit status 3")},
		{name: "strict by its own field, complete", text: `printf 'X-CGI-Strict-Exit: 1\nA: b\n\nbody'`, want: "body"},
		{name: "another value of the field", text: `printf 'X-CGI-Strict-Exit: 0\nA: b\n\nbody'; exit 3`, want: "body", status: 3,
			log: "cgi: PATH: exit status 3\n"},

		{name: "signal", text: head + `printf body; kill -9 $$`, want: "body", status: -1, err: failed("signal: killed")},
		{name: "SIGSEGV", text: head + `printf body; kill -SEGV $$`, want: "body", status: -1, err: failed("signal: segmentation fault")},
		{name: "SIGPIPE of its own", text: head + `printf body; kill -PIPE $$`, want: "body", status: -1, err: failed("signal: broken pipe")},
		{name: "signal within its Content-Length", text: `printf 'Content-Length: 5\n\nbody'; kill -9 $$`, want: "body", status: -1, err: failed("signal: killed")},
		{name: "signal after its Content-Length", text: `printf 'Content-Length: 4\n\nbody'; kill -9 $$`, want: "body", status: -1,
			log: "cgi: PATH: signal: killed\n"},
		{name: "signal, HEAD", text: head + `kill -9 $$`, method: "HEAD", status: -1, log: "cgi: PATH: signal: killed\n"},
		{name: "signal, 304", text: `printf 'Status: 304 Not Modified\n\n'; kill -9 $$`, status: -1, log: "cgi: PATH: signal: killed\n"},

		{name: "C43 nothing", text: `exit 0`,
			err: "gateway: backend: the application sent a bad response head: nothing at all"},
		{name: "C43 nothing but a status", text: `exit 3`,
			err: failed("exit status 3; gateway: backend: the application sent a bad response head: nothing at all")},
		{name: "C43 nothing but a signal", text: `kill -9 $$`,
			err: failed("signal: killed; gateway: backend: the application sent a bad response head: nothing at all")},
		{name: "C43 no head", text: strings.Repeat("echo hello\n", 20) + "sleep 600",
			err: `gateway: backend: the application sent a bad response head: longer than 100 bytes`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := shell(t, test.text)
			s.StrictExit, s.MaxHeadBytes = test.strict, 100
			var log syncLog // of the request, and of what comes after it
			s.Stderr = &log
			r := request(cmp.Or(test.method, "GET"), nil)
			r.Stderr = &log
			resp, body, err := fetch(t, s, r)
			waitFor(t, func() bool { return test.log == "" || strings.HasSuffix(log.String(), "\n") })
			s.Close() // what is to be logged has been by then
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), `"`+s.Path+`"`, "PATH")
			}
			if got != test.err || body != test.want {
				t.Errorf("got %q, error %q; want %q, error %q", body, got, test.want, test.err)
			}
			if resp != nil && resp.ExitStatus != test.status && (!test.late || resp.ExitStatus != -1) {
				t.Errorf("got exit status %d; want %d", resp.ExitStatus, test.status)
			}
			if resp != nil && resp.Headers.Has("X-CGI-Strict-Exit") {
				t.Error("X-CGI-Strict-Exit is left in the head")
			}
			if got := strings.ReplaceAll(log.String(), `"`+s.Path+`"`, "PATH"); got != test.log {
				t.Errorf("got the log %q; want %q", got, test.log)
			}
		})
	}
}

// syncLog is a log for concurrent use.
type syncLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
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
	full, err := filepath.Abs("script")
	if err != nil {
		t.Fatal(err)
	}
	want := "0\n" + dir + "\nADDED=1\nCGIKIT_STRICT_EXIT=1\nGATEWAY_INTERFACE=CGI/1.1\nPATH=" + os.Getenv("PATH") +
		"\nQUERY_STRING=-s+-d\nREQUEST_METHOD=GET\nSCRIPT_FILENAME=" + full + "\nSCRIPT_NAME=/app\nSERVER_PROTOCOL=HTTP/1.0\n"
	if body != want {
		t.Errorf("got\n%s\nwant\n%s", body, want)
	}
}

// TestScriptFilename: the script's own path, where nothing else says which file is meant.
func TestScriptFilename(t *testing.T) {
	for _, test := range []struct{ sent, env, want string }{
		{"", "", "the script"},
		{"proxy:fcgi://127.0.0.1:9000/x", "", "the script"},
		{"relative", "", "the script"},
		// of a web server, or of a Handler for an interpreter
		{"/srv/www/index.php", "", "/srv/www/index.php"},
		{"/srv/www/index.php", "SCRIPT_FILENAME=/set", "/set"},
	} {
		s := shell(t, `printf 'Content-Type: text/plain\n\n%s' "$SCRIPT_FILENAME"`)
		if test.env != "" {
			s.Env = []string{test.env}
		}
		r := request("GET", nil)
		r.Environ.Set("SCRIPT_FILENAME", test.sent)
		_, body, err := fetch(t, s, r)
		if want := strings.Replace(test.want, "the script", s.Path, 1); err != nil || body != want {
			t.Errorf("%q: got %q, %v; want %q", test.sent, body, err, want)
		}
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

// TestQueryIsNoArgument: C25. Indexed queries are arguments under some servers, and never here.
func TestQueryIsNoArgument(t *testing.T) {
	s := shell(t, `printf 'Content-Type: text/plain\n\n'; echo "$#"`)
	for _, query := range []string{"one+two", "one", "-s", ""} {
		r := request("GET", nil)
		r.Environ.Set("QUERY_STRING", query)
		if _, body, err := fetch(t, s, r); body != "0\n" {
			t.Errorf("%q: got %q, %v; want no argument", query, body, err)
		}
	}
}

// TestScriptLeavesProcess: C49, a process that holds standard output and error after the script has
// ended.
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
