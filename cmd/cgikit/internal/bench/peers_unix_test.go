//go:build unix

package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

const testdata = "../../../../testdata/responder/"

// enough is how long a program of others may take to listen, on a busy machine.
const enough = time.Minute

// peers are programs of others that listen on a unix socket.
var peers = []struct {
	name, protocol string
	path           string // DIR is its folder
	kept           bool   // the program keeps a connection
	command        func(t *testing.T, dir, socket string) *exec.Cmd
}{
	{"libfcgi", "fastcgi", "/x", true, func(t *testing.T, dir, socket string) *exec.Cmd {
		built := filepath.Join(dir, "libfcgi")
		if out, err := exec.Command(webserver.Find(t, "cc"), "-o", built, testdata+"libfcgi.c", "-lfcgi").CombinedOutput(); err != nil {
			missing(t, "libfcgi", out)
		}
		return exec.Command(built, socket)
	}},
	{"fcgiwrap", "fastcgi", "DIR/script.sh", true, func(t *testing.T, dir, socket string) *exec.Cmd {
		return exec.Command(webserver.Find(t, "fcgiwrap"), "-c", "2", "-s", "unix:"+socket)
	}},
	{"uwsgi", "scgi", "/", false, func(t *testing.T, dir, socket string) *exec.Cmd {
		return exec.Command(webserver.Find(t, "uwsgi_python3"), "--scgi-socket", socket, "--wsgi-file", filepath.Join(dir, "app.py"), "--need-app", "--disable-logging")
	}},
	{"nginx", "http", "/script.sh", true, func(t *testing.T, dir, socket string) *exec.Cmd {
		return exec.Command(webserver.Find(t, "nginx"), "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log"))
	}},
}

var peerFiles = map[string]string{
	"script.sh": "#!/bin/sh\necho Content-Type: text/plain\necho\necho ok\n",
	"app.py": `def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
`,
	"nginx.conf": `daemon off;
master_process off;
pid DIR/pid;
events {}
http {
	access_log off;
	client_body_temp_path DIR/t; proxy_temp_path DIR/t; fastcgi_temp_path DIR/t; uwsgi_temp_path DIR/t; scgi_temp_path DIR/t;
	server { listen unix:DIR/s; root DIR; }
}
`,
}

// TestPeers measures programs of others, over kept connections and over new ones.
func TestPeers(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			dir := webserver.Dir(t)
			for name, text := range peerFiles {
				webserver.WriteProgram(t, filepath.Join(dir, name), strings.ReplaceAll(text, "DIR", dir))
			}
			socket := filepath.Join(dir, "s")
			startProgram(t, p.command(t, dir, socket), socket)
			of := parse(t, p.protocol+"+unix:"+socket)
			for _, noKeep := range []bool{false, true} {
				wantPeer(t, of, strings.ReplaceAll(p.path, "DIR", dir), noKeep, p.kept && !noKeep)
			}
		})
	}
}

// wantPeer wants right answers to 20 requests, over one connection where that is kept.
func wantPeer(t *testing.T, of target.Target, path string, noKeep, kept bool) {
	t.Helper()
	d, err := measureData(t, of, func(b *Bench) {
		b.Conns, b.Count, b.NoKeep, b.Request.Path = 1, 20, noKeep, path
		if of.Protocol == "fastcgi" {
			b.Request.Root = "/" // the path is that of a file
		}
	})
	if err != nil || d.OK != 20 || d.Failed != 0 || d.Bytes == 0 || kept != (d.Connects == 1) {
		t.Errorf("no keep %v: %v, %d right, errors %v, %d bytes over %d connections", noKeep, err, d.OK, d.Errors, d.Bytes, d.Connects)
	}
}

// startProgram runs a program until the test ends, and waits until it listens.
func startProgram(t *testing.T, cmd *exec.Cmd, socket string) {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // fcgiwrap has children
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%.2000s", cmd.Path, log.String())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(fmt.Errorf("%s does not listen: %w", cmd.Path, err))
		case <-time.After(5 * time.Millisecond): // before it is tried again
		}
	}
}

// missing does for a library what webserver.Find does for a program.
func missing(t *testing.T, name string, why []byte) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("CGIKIT_REQUIRE"), ","), name) {
		t.Fatalf("CGIKIT_REQUIRE lists %s, which is not to be had:\n%.500s", name, why)
	}
	t.Skipf("%s is not to be had: %.200s", name, why)
}
