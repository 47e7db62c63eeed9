package fastcgi_test

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// TestFcgiwrap has an application on libfcgi: fcgiwrap, started by spawn-fcgi, with a script that
// copies its body.
func TestFcgiwrap(t *testing.T) {
	spawn, wrap := webserver.Find(t, "spawn-fcgi"), webserver.Find(t, "fcgiwrap")
	dir := webserver.Dir(t)
	script := filepath.Join(dir, "echo.sh")
	text := "#!/bin/sh\necho 'Status: 202 Accepted'\necho 'Content-Type: text/plain'\necho\necho \"$REQUEST_METHOD\"\ncat\necho oops >&2\n"
	webserver.WriteProgram(t, script, text)
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(spawn, "-n", "-s", socket, "--", wrap, "-f")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	c := &fastcgi.Client{Addr: "unix:" + socket, MaxConns: 1, MaxIdleConns: 1}
	defer c.Close()
	// spawn-fcgi says nothing when it listens
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if nc, err := net.Dial("unix", socket); err == nil {
			nc.Close()
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	// fcgiwrap 1.1.0 writes all of a body before it reads: a pipe must take it
	for i, size := range []int{0, 1, 30_000, 60_000} {
		body := strings.Repeat("x", size)
		var log strings.Builder
		r := requestOf("POST", streamed(body), "SCRIPT_FILENAME", script, "CONTENT_LENGTH", fmt.Sprint(size))
		r.Stderr = &log
		resp, got, err := exchange(c, r)
		if err != nil || resp.Status != "202 Accepted" || got != "POST\n"+body || log.String() != "oops\n" {
			t.Errorf("request %d: got %d bytes, %v, %+v, and the log %q", i, len(got), err, resp, log.String())
		}
		settle(t, c)
	}
	if s := c.Stats(); s.Dialed != 1 {
		t.Errorf("got %+v; want one connection for all", s)
	}
}
