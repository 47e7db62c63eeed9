//go:build unix

package fastcgi_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/host"
)

// otherApp is an application of others, which answers one connection at a time.
type otherApp struct {
	name    string
	command func(t *testing.T, dir, socket string) *exec.Cmd
	maxBody int  // of a request
	early   bool // answers without the body
	exit    int  // what it makes of an exit status of 3
}

var otherApps = []otherApp{
	{"libfcgi", libfcgi, 30 << 20, true, 3},
	{"FCGI.pm", fcgiPerl, 30 << 20, true, 0}, // it has nothing to set a status with
	// 1.1.0 writes all of a body before it reads, so a pipe must take it, and calls it an error
	// when a script does not.
	{"fcgiwrap", fcgiwrapOn, 60_000, false, 0},
}

// TestResponders has the responders of the development kit, of Perl and of fcgiwrap on the other
// side, called by a Client and by a Handler over HTTP, with connections that are kept and that are
// not.
func TestResponders(t *testing.T) {
	t.Parallel()
	for _, r := range otherApps {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			dir := webserver.Dir(t)
			script := filepath.Join(dir, "script.sh")
			text, err := os.ReadFile("../testdata/responder/script.sh")
			if err != nil {
				t.Fatal(err)
			}
			webserver.WriteProgram(t, script, string(text))
			socket := filepath.Join(dir, "s")
			runResponder(t, r.command(t, dir, socket), socket)
			t.Run("values", func(t *testing.T) { wantMultiplexes(t, &fastcgi.Client{Addr: "unix:" + socket}, "0") })
			for _, kept := range []int{0, 1} {
				t.Run(fmt.Sprintf("kept=%d", kept), func(t *testing.T) {
					c := &fastcgi.Client{Addr: "unix:" + socket, MaxConns: 1, MaxIdleConns: kept, FirstByteTimeout: patience}
					defer c.Close()
					t.Run("client", func(t *testing.T) { r.byClient(t, c, script) })
					t.Run("http", func(t *testing.T) { r.overHTTP(t, c, dir) })
				})
			}
		})
	}
}

// A worker that is told to end does so at once: no connection is kept to it. Plack's workers are
// such programs, and one that waited for the next request of a kept connection did not notice
// SIGTERM.
func TestWorkerEnds(t *testing.T) {
	socket := filepath.Join(webserver.Dir(t), "s")
	cmd := fcgiPerl(t, "", socket)
	c := &fastcgi.Client{Addr: "unix:" + socket}
	defer c.Close()
	ended := runResponder(t, cmd, socket)
	if _, got, err := exchange(c, requestOf("GET", nil, "QUERY_STRING", "log")); got != "ok" || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	waitUntil(t, "the worker's sleep", func() bool { return asleep(cmd.Process.Pid) })
	cmd.Process.Signal(syscall.SIGTERM)
	wait(t, ended, "the worker's end")
}

// asleep reports whether a process waits for something. Where that cannot be known, it does.
func asleep(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, found := strings.Cut(string(stat), ") ")
	return err != nil || found && strings.HasPrefix(state, "S")
}

// runResponder runs a program until the test ends, and returns when it listens. The channel is
// closed when it has ended.
func runResponder(t *testing.T, cmd *exec.Cmd, socket string) (ended <-chan struct{}) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-done
	})
	// it says nothing when it listens
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if nc, err := net.Dial("unix", socket); err == nil {
			nc.Close()
			return done
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// libfcgi builds the responder on the library, with the C compiler of the machine.
func libfcgi(t *testing.T, dir, socket string) *exec.Cmd {
	program := filepath.Join(dir, "libfcgi")
	build := exec.Command(webserver.Find(t, "cc"), "-o", program, "../testdata/responder/libfcgi.c", "-lfcgi")
	if out, err := build.CombinedOutput(); err != nil {
		missing(t, "libfcgi", out)
	}
	return exec.Command(program, socket)
}

func fcgiPerl(t *testing.T, dir, socket string) *exec.Cmd {
	perl := webserver.Find(t, "perl")
	if out, err := exec.Command(perl, "-MFCGI", "-e", "1").CombinedOutput(); err != nil {
		missing(t, "FCGI.pm", out)
	}
	return exec.Command(perl, "../testdata/responder/fcgi.pl", socket)
}

func fcgiwrapOn(t *testing.T, dir, socket string) *exec.Cmd {
	return exec.Command(webserver.Find(t, "fcgiwrap"), "-f", "-s", "unix:"+socket)
}

// missing does for a library what webserver.Find does for a program.
func missing(t *testing.T, name string, why []byte) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("CGIKIT_REQUIRE"), ","), name) {
		t.Fatalf("CGIKIT_REQUIRE lists %s, which is not to be had:\n%s", name, why)
	}
	t.Skipf("%s is not to be had: %.200s", name, why)
}

// sizes are of bodies that fit the first record, that need more, and that are more than a socket
// takes.
func (r otherApp) sizes() []int {
	return slices.DeleteFunc([]int{0, 1, 32_768, 60_000, 65_536, 3 << 20}, func(n int) bool { return n > r.maxBody })
}

func (r otherApp) byClient(t *testing.T, c *fastcgi.Client, script string) {
	ask := func(method, query string, body io.Reader, size int) (status, got, log string, exit int) {
		t.Helper()
		var stderr strings.Builder
		req := requestOf(method, body, "SCRIPT_FILENAME", script, "SCRIPT_NAME", "/app", "PATH_INFO", "/p", "QUERY_STRING", query,
			"CONTENT_LENGTH", fmt.Sprint(size))
		req.Stderr = &stderr
		resp, got, err := exchange(c, req)
		if err != nil {
			t.Fatalf("%s %s with %d bytes: %v", method, query, size, err)
		}
		settle(t, c)
		return resp.Status, got, stderr.String(), resp.ExitStatus
	}
	before, asked := c.Stats().Dialed, 0
	for _, size := range r.sizes() {
		body := strings.Repeat("b", size)
		for _, in := range []io.Reader{strings.NewReader(body), streamed(body)} {
			status, got, _, _ := ask("POST", "", in, size)
			if status != "202 Accepted" || got != "POST\n"+body {
				t.Errorf("%d bytes: got %s and %d bytes", size, status, len(got))
			}
			asked++
		}
	}
	if _, got, _, _ := ask("GET", "large", nil, 0); len(got) != 10_000_000 || strings.Trim(got, "x") != "" {
		t.Errorf("large: got %d bytes", len(got))
	}
	// fcgiwrap ends a line as those of the head as long as that has not come.
	if _, got, log, exit := ask("GET", "log", nil, 0); got != "ok" || strings.TrimRight(log, "\r\n") != "said to the log" || exit != r.exit {
		t.Errorf("log: got %q, the log %q and exit status %d; want %d", got, log, exit, r.exit)
	}
	want := uint64(1)
	if c.MaxIdleConns == 0 {
		want = uint64(asked + 2)
	}
	if dialed := c.Stats().Dialed - before; dialed != want {
		t.Errorf("got %d connections; want %d", dialed, want)
	}
	size := 0
	if r.early {
		size = r.maxBody
	}
	if status, got, _, _ := ask("POST", "early", streamed(strings.Repeat("b", size)), size); status != "403 Not For You" || got != "early" {
		t.Errorf("early: got %s, %q", status, got)
	}
	if _, got, _, _ := ask("GET", "", nil, 0); got != "GET\n" {
		t.Errorf("behind an early answer: got %q", got)
	}
}

func (r otherApp) overHTTP(t *testing.T, c *fastcgi.Client, root string) {
	var log bytes.Buffer
	h := &host.Handler{Backend: c, Mount: "/app", Root: root, SplitPath: []string{".sh"}, ErrorLog: slog.New(slog.NewTextHandler(&log, nil))}
	s := httptest.NewServer(h)
	defer s.Close()
	ask := func(method, query string, body io.Reader) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest(method, s.URL+"/app/script.sh/a%20b?"+query, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := peerClient.Do(req)
		if err != nil {
			t.Fatalf("%s %s: %v", method, query, err)
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("%s %s: %v", method, query, err)
		}
		return resp, string(got)
	}
	for _, size := range r.sizes() {
		body := strings.Repeat("b", size)
		// the second comes in chunks, without a length
		for _, in := range []io.Reader{strings.NewReader(body), streamed(body)} {
			resp, got := ask("POST", "", in)
			if resp.StatusCode != 202 || got != "POST\n"+body || resp.Header.Get("X-Path") != "/app/script.sh|/a b" {
				t.Errorf("%d bytes: got %s, %v and %d bytes", size, resp.Status, resp.Header, len(got))
			}
		}
	}
	if _, got := ask("GET", "large", nil); len(got) != 10_000_000 {
		t.Errorf("large: got %d bytes", len(got))
	}
	body := ""
	if r.early {
		body = strings.Repeat("b", 200_000)
	}
	if resp, got := ask("POST", "early", strings.NewReader(body)); resp.StatusCode != 403 || got != "early" {
		t.Errorf("early: got %s, %q", resp.Status, got)
	}
	if _, got := ask("GET", "log", nil); got != "ok" {
		t.Errorf("log: got %q", got)
	}
	s.Close() // the Handler has done all its logging then
	if !strings.Contains(log.String(), "said to the log") {
		t.Errorf("log: got %q", log.String())
	}
}
