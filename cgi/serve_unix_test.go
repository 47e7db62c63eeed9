//go:build unix

package cgi_test

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// testFile makes a file of 1 MB for the programs to send.
func testFile(t *testing.T) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	content = body10M()[:1<<20]
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// TestServePeerGone: A10. Go ends a program by SIGPIPE when it writes to a closed standard output;
// here it is not a failure.
func TestServePeerGone(t *testing.T) {
	file, _ := testFile(t)
	for _, app := range []string{"endless", "endless-file"} {
		t.Run(app, func(t *testing.T) {
			c := start(t, app, "TEST_FILE="+file)
			if _, err := io.ReadFull(c.stdout, make([]byte, big)); err != nil {
				t.Fatal(err)
			}
			c.stdout.Close()
			if err := c.Wait(); err != nil || c.stderr.Len() > 0 {
				t.Errorf("got %v, standard error %q; want neither", err, c.stderr.String())
			}
		})
	}
}

// TestServeStderrGone: an error log that has gone away must not take the answer with it.
func TestServeStderrGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	c := prepare(t, "panic-before")
	c.Stderr = w
	out, err := c.Output()
	w.Close()
	if err != nil || !strings.HasPrefix(string(out), "Status: 500 ") {
		t.Errorf("got %q, %v; want the error page", out, err)
	}
}

// TestServeSIGTERM: A10. The signal is caught only for an App that has asked for Done.
func TestServeSIGTERM(t *testing.T) {
	tests := []struct {
		name  string
		app   string
		lines []string // printed one after the other
		terms int      // how many of them are answered with SIGTERM
		end   string
	}{
		{"without Done", "deaf", []string{"begun"}, 1, "signal: terminated"},
		{"with Done", "until-term", []string{"begun", "context canceled cgi: SIGTERM"}, 1, "exit status 0"},
		{"twice", "ignore-term", []string{"begun", "seen"}, 2, "signal: terminated"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, test.app)
			lines := bufio.NewScanner(c.stdout)
			for lines.Scan() && lines.Text() != "" { // the head
			}
			for i, want := range test.lines {
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("got %q, %v; want %q", lines.Text(), lines.Err(), want)
				}
				if i < test.terms {
					c.Process.Signal(syscall.SIGTERM)
				}
			}
			for lines.Scan() {
			}
			c.Wait()
			if got := c.ProcessState.String(); got != test.end {
				t.Errorf("got %s; want %s", got, test.end)
			}
		})
	}
}
