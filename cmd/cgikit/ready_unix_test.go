//go:build unix

package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// monitored is a process of the command with a status page.
type monitored struct {
	*exec.Cmd
	log           *bufio.Reader
	site, metrics string // URLs without a slash at the end
}

// startMonitored runs "cgikit serve" with args over HTTP, until it ends or the test does.
func startMonitored(t *testing.T, args ...string) *monitored {
	t.Helper()
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	m := &monitored{Cmd: exec.Command(program, append([]string{"serve", "-l", "http://127.0.0.1:0", "--metrics", "127.0.0.1:0"}, args...)...)}
	m.start(t)
	return m
}

// start runs the process, which ends with the test, and waits until it serves.
func (m *monitored) start(t *testing.T) {
	t.Helper()
	stderr, err := m.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Process.Kill() // an error means that it has ended
		m.Wait()
	})
	m.log = bufio.NewReader(stderr)
	m.metrics = m.find(t, `the status page address=(http://\S+)/\n`)
	m.site = m.find(t, ` serving address=(http://\S+)/\n`)
}

// find waits for a line of the log, and returns its first group.
func (m *monitored) find(t *testing.T, pattern string) string {
	t.Helper()
	for {
		line, err := m.log.ReadString('\n')
		if err != nil {
			t.Fatalf("no line like %s: %v", pattern, err)
		}
		if match := regexp.MustCompile(pattern).FindStringSubmatch(line); match != nil {
			return match[1]
		}
	}
}

// getPage returns the status and the body of a page.
func getPage(t *testing.T, url string) (int, string) {
	t.Helper()
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// awaitReady waits until /readyz has this answer: what a probe found is used for a second.
func (m *monitored) awaitReady(t *testing.T, status int, line string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		got, body := getPage(t, m.metrics+"/readyz")
		if got == status && body == line+"\n" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("/readyz answers %d, %q; want %d, %q", got, body, status, line)
		}
	}
}

// holdScript works until the test has made a file.
const holdScript = `<?php
touch(__DIR__ . '/working');
while (!file_exists(__DIR__ . '/done')) {
	usleep(10000);
	clearstatcache();
}
echo 'done';
`

// TestReadyInFrontOfPHP: php-fpm is idle, all of its children are busy, it has stopped, and serve
// drains.
func TestReadyInFrontOfPHP(t *testing.T) {
	t.Parallel()
	dir := webserver.Dir(t)
	for name, text := range map[string]string{"hold.php": holdScript, "index.php": "<?php echo 'ok';"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil { // the script makes a file
		t.Fatal(err)
	}
	socket, stop := startPool(t, dir, 1)
	args := []string{"--root", dir, "--split-path", ".php", "--drain-delay", "1h", "--status", "/status", "fastcgi+unix:" + socket}
	m := startMonitored(t, args...)
	strict := startMonitored(t, append([]string{"--ready", "strict"}, args...)...)
	m.awaitReady(t, 200, "ready: the target answers")
	strict.awaitReady(t, 200, "ready: the target answers")
	wantPoolFigures(t, m, socket)
	if status, _ := getPage(t, m.site+"/readyz"); status != 404 {
		t.Errorf("the site answers %d at /readyz; want its own 404", status)
	}

	done := make(chan string, 1)
	go func() {
		_, body := getPage(t, m.site+"/hold.php")
		done <- body
	}()
	waitForFile(t, filepath.Join(dir, "working"))
	m.awaitReady(t, 200, "ready: the target is busy")
	strict.awaitReady(t, 503, "not ready: the target is busy")
	if _, body := getPage(t, m.metrics+"/metrics"); !strings.Contains(body, "\nphpfpm_up{target=\"fastcgi+unix:"+socket+"\"} 0\n") {
		t.Errorf("the status page came from a busy php-fpm")
	}
	if err := os.WriteFile(filepath.Join(dir, "done"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if body := <-done; body != "done" {
		t.Errorf("the long request got %.100q", body)
	}
	strict.awaitReady(t, 200, "ready: the target answers")

	m.Process.Signal(syscall.SIGTERM)
	m.awaitReady(t, 503, "not ready: draining")
	if status, body := getPage(t, m.site+"/index.php"); status != 200 || body != "ok" {
		t.Errorf("during the delay: got %d, %.100q; want 200", status, body)
	}

	stop()
	strict.awaitReady(t, 503, "not ready: the target cannot be reached")
	strict.find(t, `(the target is not ready cause="connect .* no such file or directory")\n`)
	if status, _ := getPage(t, strict.metrics+"/healthz"); status != 200 {
		t.Errorf("/healthz answers %d; want 200, since serve still serves", status)
	}
}

// wantPoolFigures wants php-fpm's status page in the metrics. On a busy machine it may be late.
func wantPoolFigures(t *testing.T, m *monitored, socket string) {
	t.Helper()
	silent := "\nphpfpm_up{target=\"fastcgi+unix:" + socket + "\"} 0\n"
	_, body := getPage(t, m.metrics+"/metrics")
	for end := time.Now().Add(patience); strings.Contains(body, silent) && time.Now().Before(end); {
		_, body = getPage(t, m.metrics+"/metrics")
	}
	labels := `{target="fastcgi+unix:` + socket + `",pool="www"} `
	for _, want := range []string{
		"# TYPE phpfpm_accepted_connections_total counter\nphpfpm_accepted_connections_total" + labels,
		"# TYPE phpfpm_total_processes gauge\nphpfpm_total_processes" + labels,
		"cgikit_ready{target=\"fastcgi+unix:" + socket + "\"} 1\n",
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("the metrics have no %q:\n%s", want, webserver.Excerpt(body))
		}
	}
}

func waitForFile(t *testing.T, file string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("in vain for %v: %s", patience, file)
		}
	}
}
