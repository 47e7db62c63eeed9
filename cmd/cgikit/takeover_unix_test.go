//go:build unix

package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/testdata/conf"
)

// TestTakeoverLosesNoRequest runs several processes of the command behind nginx in turn. Each takes
// over the unix socket, and the previous one gets a signal to stop. Every request must be answered.
func TestTakeoverLosesNoRequest(t *testing.T) {
	t.Parallel()
	for template, listen := range map[string]string{
		"nginx-fastcgi": "fastcgi+unix:",
		"nginx-scgi":    "scgi+unix:",
	} {
		for _, protocol := range []string{listen, "auto+unix:"} {
			t.Run(template+" "+protocol, func(t *testing.T) {
				t.Parallel()
				webserver.Find(t, conf.Server(template))
				socket := filepath.Join(webserver.Dir(t), "s")
				address := protocol + socket + "?mode=0666&takeover=1"
				current := startTaker(t, address, "0")
				s := webserver.Start(t, webserver.Config{
					Template: template,
					Mount:    "/app",
					Backend:  &net.UnixAddr{Net: "unix", Name: socket},
				})
				takeTurns(t, s.URL+"/x", current, func(name string) *member { return startTaker(t, address, name) })
			})
		}
	}
}

// takeTurns replaces one process by the next. Clients send requests without a pause until it
// returns.
func takeTurns(t *testing.T, url string, current *member, start func(name string) *member) {
	const turns, answers = 10, 12
	t.Run("under load", func(t *testing.T) {
		load := startLoad(t, url)
		for turn := range turns {
			name := strconv.Itoa(turn + 1)
			next := start(name)
			if err := current.end(t, syscall.SIGTERM); err != nil {
				t.Errorf("the drained process: %v", err)
			}
			current = next
			load.await(name, answers)
		}
	})
}

// startTaker starts a process whose response is name, with one processor as in a small container,
// and waits until it serves.
func startTaker(t *testing.T, address, name string) *member {
	t.Helper()
	script := filepath.Join(t.TempDir(), "name")
	webserver.WriteProgram(t, script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s\\n' \"$NAME\"\n")
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	m := &member{command: exec.Command(program, "serve", "-l", address, "--env", "NAME="+name, "cgi:"+script)}
	m.command.Env = append(os.Environ(), "GOMAXPROCS=1")
	stderr, err := m.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if m.command != nil {
			m.end(t, syscall.SIGTERM)
		}
	})
	readUntil(t, stderr, "serving address=")
	go io.Copy(io.Discard, stderr)
	return m
}
