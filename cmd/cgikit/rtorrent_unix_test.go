//go:build unix

package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// TestRTorrentPage runs RTORRENT.md with rTorrent: its setting of the socket, all its lines, and
// nginx with a password in front.
func TestRTorrentPage(t *testing.T) {
	t.Parallel()
	webserver.Find(t, "rtorrent")
	r := readPage(t, "RTORRENT.md")
	startRTorrent(t, r)
	r.swap["/run/rtorrent.sock"] = filepath.Join(r.dir, "rtorrent.sock")
	r.swap["/etc/nginx/rtorrent.htpasswd"] = filepath.Join(r.dir, "htpasswd")
	r.swap["@file.torrent"] = "@" + filepath.Join(r.dir, "file.torrent")
	writeFiles(t, r.dir, map[string]string{
		"file.torrent": "d4:infod6:lengthi5e4:name5:x.txt12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee",
		"htpasswd":     "me:{PLAIN}secret\n",
	})
	r.serve("rpc2.sock")
	r.swap["/run/rpc2.sock"] = filepath.Join(r.dir, "rpc2.sock")
	for _, command := range documentedCommands(r.text) {
		args := splitWords(r.replace(command))[1:]
		if args[0] != "request" && args[0] != "ping" {
			continue
		}
		status, stdout, stderr := cgikit(append(args, "--timeout", "60s")...)
		if status != 0 {
			t.Errorf("%s: got exit status %d, %q, %q", command, status, stdout, stderr)
		}
		if strings.Contains(command, "execute.capture") && !strings.Contains(stdout, "uid=") {
			t.Errorf("%s: got %q; want what id prints", command, stdout)
		}
	}
	checkPassword(t, r.nginx())
}

// startRTorrent runs rTorrent with the two lines of the page for its socket.
func startRTorrent(t *testing.T, r *recipe) {
	t.Helper()
	socket := filepath.Join(r.dir, "rtorrent.sock")
	setting := strings.ReplaceAll("system.umask.set = 0007\nnetwork.scgi.open_local = /run/rtorrent.sock\n", "/run/rtorrent.sock", socket)
	for _, line := range []string{"`system.umask.set = 0007`", "    network.scgi.open_local = /run/rtorrent.sock\n"} {
		if !strings.Contains(r.text, line) {
			t.Errorf("the page has no %q", line)
		}
	}
	writeFiles(t, r.dir, map[string]string{"rc": "system.daemon.set = true\nsession.path.set = " + r.dir + "\nnetwork.port_open.set = no\n" + setting})
	c := exec.Command("rtorrent", "-n", "-o", "import="+filepath.Join(r.dir, "rc"))
	c.Dir = r.dir
	c.Env = append(os.Environ(), "HOME="+r.dir)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGKILL) // it would first ask trackers
		c.Wait()
	})
	(&neighbours{t: t, dir: r.dir}).waitForSocket(socket)
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o770 {
		t.Errorf("got the socket %v, %v; want one that is closed to others", info, err)
	}
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// checkPassword calls a method at /RPC2 with and without the password.
func checkPassword(t *testing.T, url string) {
	t.Helper()
	const call = `<?xml version="1.0"?><methodCall><methodName>system.client_version</methodName><params/></methodCall>`
	for password, want := range map[string]int{"": 401, "wrong": 401, "secret": 200} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", url+"/RPC2", strings.NewReader(call))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/xml")
		if password != "" {
			req.SetBasicAuth("me", password)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("password %q: got %s; want %d", password, resp.Status, want)
		}
	}
}
