//go:build unix

package dist

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFirstMinute does what the README tells a new user to do: add the library to a program, run
// the program, and ask it.
func TestFirstMinute(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	root, err := filepath.Abs(top)
	if err != nil {
		t.Fatal(err)
	}
	app := filepath.Join(dir, "app")
	if err := os.Mkdir(app, 0o755); err != nil {
		t.Fatal(err)
	}
	program := find(t, page, "(?s)```go\n(package main\n.*?)```")
	if err := os.WriteFile(filepath.Join(app, "main.go"), []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	// This source takes the place of the release, and the module cache that of the proxy.
	cache := strings.TrimSpace(string(run(t, top, nil, "go", "env", "GOMODCACHE")))
	env := []string{"GOPROXY=" + fileURL(filepath.Join(cache, "cache", "download")), "GOSUMDB=off", "GONOPROXY=none", "GOPRIVATE=", "GOFLAGS="}
	run(t, app, env, "go", "mod", "init", "example.com/app")
	run(t, app, env, "go", "mod", "edit", "-replace", module+"="+root)
	run(t, app, env, "sh", "-c", find(t, page, `(?m)^    (go get [^#\n]*)`))
	run(t, app, env, "go", "build", "-o", "app", ".")
	run(t, top, nil, "go", "build", "-o", filepath.Join(dir, "cgikit"), "./cmd/cgikit")

	line := find(t, page, `(?m)^    (CGIKIT_LISTEN=[^#\n]*)`)
	address := "fastcgi+unix:" + filepath.Join(dir, "socket")
	startProgram(t, app, strings.Replace(line, "fastcgi://127.0.0.1:9000", address, 1))
	got := string(run(t, dir, nil, filepath.Join(dir, "cgikit"), "request", "--script-name", "/app", address, "/app/path"))
	if want := "Hello from /app/path\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// find returns what the first group of a pattern matches in the README.
func find(t *testing.T, page []byte, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindSubmatch(page)
	if m == nil {
		t.Fatalf("the README has nothing like %s", pattern)
	}
	return string(m[1])
}

// startProgram runs a line of the shell until the test ends. It returns once the line has logged
// that it serves.
func startProgram(t *testing.T, dir, line string) {
	t.Helper()
	c := exec.Command("sh", "-c", strings.Replace(line, " ./", " exec ./", 1)) // so that the signal reaches the program
	c.Dir = dir
	log := &servingLog{serves: make(chan struct{})}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case <-log.serves:
	case err := <-ended:
		t.Fatalf("%s: %v\n%s", line, err, log.text.String())
	case <-time.After(time.Minute):
		c.Process.Kill()
		<-ended
		t.Fatalf("%s: does not serve\n%s", line, log.text.String())
	}
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("%s: %v after SIGTERM\n%s", line, err, log.text.String())
		}
	})
}

// servingLog closes serves when a program has logged that it serves.
type servingLog struct {
	text   bytes.Buffer
	serves chan struct{}
	done   bool
}

func (l *servingLog) Write(p []byte) (int, error) {
	n, err := l.text.Write(p)
	if !l.done && bytes.Contains(l.text.Bytes(), []byte("serving")) {
		l.done = true
		close(l.serves)
	}
	return n, err
}
