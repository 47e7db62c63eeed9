//go:build unix

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/listen"
)

// TestCheckOfSilentTarget: a target that never accepts looks busy, which is a failure with --ready
// strict only.
func TestCheckOfSilentTarget(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(webserver.Dir(t), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		ready, begin string
		status       int
	}{
		{"accepting", "ok: the flags and folders are valid, and the target accepts connections and is busy: " + socket, 0},
		{"strict", "cgikit: the target cannot be used: " + socket + ": connected, no answer in 1s", 1},
	} {
		c := exec.Command(program, "serve", "--check", "-l", "http://127.0.0.1:0", "--metrics", "127.0.0.1:0", "--ready", test.ready, "fastcgi+unix:"+socket)
		out, err := c.CombinedOutput()
		if c.ProcessState == nil {
			t.Fatal(err)
		}
		if got := c.ProcessState.ExitCode(); got != test.status || !strings.HasPrefix(string(out), test.begin) {
			t.Errorf("--ready %s: got exit status %d, %.300q; want %d, %q", test.ready, got, out, test.status, test.begin)
		}
	}
}

// TestCheckLoop: a target is found to be an address of serve itself, however it is written.
func TestCheckLoop(t *testing.T) {
	for _, test := range []struct {
		at, to string
		want   bool
	}{
		{"scgi://127.0.0.1:4000", "scgi://127.0.0.1:4000", true},
		{"scgi://0.0.0.0:4000", "scgi://localhost:4000", true},
		{"auto://localhost:4000", "fastcgi://127.0.0.1:4000", true},
		{"fastcgi+unix:/a/../s?mode=0666", "fastcgi+unix:/s", true},
		{"scgi://127.0.0.1:4000", "scgi://127.0.0.1:4001", false},
		{"scgi://127.0.0.1:4000", "scgi://10.0.0.1:4000", false},
		{"scgi://0.0.0.0:4000", "scgi://10.0.0.1:4000", false}, // it may be another machine
		{"scgi://127.0.0.1:0", "scgi+unix:/s", false},
		{"fastcgi+fd:0", "fastcgi+unix:/s", false},
		{"http://127.0.0.1:80", "files:.", false},
	} {
		at, err := listen.Parse(test.at)
		if err != nil {
			t.Fatal(err)
		}
		to, err := listen.Parse(test.to)
		if err != nil {
			t.Fatal(err)
		}
		if got := isReached(at, to); got != test.want {
			t.Errorf("%s at %s: got %t", test.to, test.at, got)
		}
	}
}

// TestCheckOfSpawnedTarget: a program that does not start, one that ends at once, and one that
// serves.
func TestCheckOfSpawnedTarget(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		target string
		status int
		want   string // part of the output
	}{
		{"spawn:/no/such/program", 2, "cgikit: program "},
		{"spawn:" + program + " version", 1, "a worker has ended right after its start"},
		{"spawn:" + program + " serve -l fastcgi+fd:0 demo:", 0, "ok: the flags and folders are valid, and the target answers\n"},
	} {
		c := exec.Command(program, "serve", "--check", "-l", "http://127.0.0.1:0", test.target)
		c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // else a program ends a second late under -race
		out, err := c.CombinedOutput()
		if c.ProcessState == nil {
			t.Fatal(err)
		}
		if got := c.ProcessState.ExitCode(); got != test.status || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: got exit status %d, %.500q; want %d, %q", test.target, got, out, test.status, test.want)
		}
	}
}
