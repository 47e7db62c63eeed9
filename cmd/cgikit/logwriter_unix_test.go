//go:build unix

package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// failing fails every Write.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestLostLines checks that lost lines are counted, and reported once.
func TestLostLines(t *testing.T) {
	var told []error
	w := &logWriter{w: failing{io.ErrClosedPipe}, tell: func(err error) { told = append(told, err) }}
	log := slog.New(slog.NewTextHandler(w, nil))
	for range 3 {
		log.Info("a line")
	}
	if w.lost.Load() != 3 || len(told) != 1 || !errors.Is(told[0], io.ErrClosedPipe) {
		t.Errorf("lost %d, told %v; want 3, once", w.lost.Load(), told)
	}
	mute := &logWriter{w: failing{io.ErrClosedPipe}}
	if _, err := mute.Write(nil); err == nil || mute.lost.Load() != 1 {
		t.Errorf("without a place to tell: %v, lost %d", err, mute.lost.Load())
	}
}

// TestClosedOutputsEndNoServer checks that a server goes on after the reader of its logs has ended,
// as in "cgikit serve | head".
func TestClosedOutputsEndNoServer(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "cgikit")
	if err := os.Symlink(self, program); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	c := exec.Command(program, "serve", "--access-log", "combined", "-l", "http://127.0.0.1:0", "files:"+t.TempDir())
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.Process.Kill() // an error means that it has ended
		c.Wait()
	}()
	url := servedURL(t, stderr)
	stdout.Close()
	get := func() {
		t.Helper()
		resp, err := http.Get(url + "nothing")
		if err != nil {
			t.Fatalf("the server has gone: %v", err)
		}
		resp.Body.Close()
	}
	get() // its line is lost, and the loss is reported
	said := readUntil(t, stderr, "cannot write the access log")
	if !strings.Contains(said, "broken pipe") {
		t.Errorf("it said %q; want the reason", said)
	}
	stderr.Close()
	get()
	get()
	http.DefaultClient.CloseIdleConnections()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v; want status 0", err)
	}
}

// servedURL reads standard error up to the line with the address of HTTP.
func servedURL(t *testing.T, stderr io.Reader) string {
	t.Helper()
	_, url, _ := strings.Cut(readUntil(t, stderr, "serving address="), "serving address=")
	return strings.TrimSpace(url)
}

// readUntil returns the line of r that has text in it.
func readUntil(t *testing.T, r io.Reader, text string) string {
	t.Helper()
	var line strings.Builder
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("no line with %q: %v", text, err)
		}
		if b[0] != '\n' {
			line.Write(b)
			continue
		}
		if strings.Contains(line.String(), text) {
			return line.String()
		}
		line.Reset()
	}
}
