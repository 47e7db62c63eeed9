//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

// The application of slow clients answers three requests at a time. A GET is answered with "ok" or,
// where the query is "large", with slowSize zeros, and a POST with the number of its bytes.
const (
	slowSize    = 24 << 20
	slowWorkers = 3
)

var slowApp = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	switch {
	case r.Environ.Get("REQUEST_METHOD") == "POST":
		n, err := io.Copy(io.Discard, r.Stdin)
		fmt.Fprint(w, n)
		return err
	case r.Environ.Get("QUERY_STRING") == "large":
		_, err := io.CopyN(w, zeros{}, slowSize)
		return err
	}
	_, err := io.WriteString(w, "ok")
	return err
})

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

const slowScript = `#!/bin/sh
printf 'Content-Type: text/plain\n\n'
case $REQUEST_METHOD$QUERY_STRING in
POST*) printf %d "$(wc -c)" ;;
GETlarge) head -c 25165824 /dev/zero ;;
*) printf ok ;;
esac
`

const slowPHP = `<?php
if ($_SERVER['REQUEST_METHOD'] == 'POST') echo strlen(file_get_contents('php://input'));
elseif ($_SERVER['QUERY_STRING'] == 'large') for ($i = 0; $i < 384; $i++) echo str_repeat("\0", 65536);
else echo 'ok';
`

// slowTargets are the application as each kind of target, with the flags that it needs.
var slowTargets = map[string]func(t *testing.T, o *targetOptions) (name string){
	"cgi": func(t *testing.T, o *targetOptions) string {
		o.concurrency = slowWorkers
		script := filepath.Join(t.TempDir(), "slow")
		webserver.WriteProgram(t, script, slowScript)
		return "cgi:" + script
	},
	"scgi": func(t *testing.T, o *targetOptions) string {
		o.concurrency = slowWorkers
		return "scgi://" + serveOn(t, &scgi.Server{App: slowApp, ErrorLog: quiet})
	},
	"fastcgi": func(t *testing.T, o *targetOptions) string {
		o.concurrency = slowWorkers
		return "fastcgi://" + serveOn(t, &fastcgi.Server{App: slowApp, ErrorLog: quiet})
	},
	"php-fpm": func(t *testing.T, o *targetOptions) string {
		dir := webserver.Dir(t)
		if err := os.WriteFile(filepath.Join(dir, "index.php"), []byte(slowPHP), 0o644); err != nil {
			t.Fatal(err)
		}
		o.root, o.splitPath = dir, []string{".php"}
		return "fastcgi+unix:" + startPHP(t, dir)
	},
}

// startPHP runs php-fpm with slowWorkers children until the test ends, and returns its socket.
func startPHP(t *testing.T, dir string) string {
	t.Helper()
	socket, _ := startPool(t, dir, slowWorkers)
	return socket
}

// startPool runs php-fpm until stop is called or the test ends.
func startPool(t *testing.T, dir string, children int) (_ string, stop func()) {
	t.Helper()
	binary := webserver.Find(t, "php-fpm8.2")
	socket, file := filepath.Join(dir, "php.sock"), filepath.Join(dir, "conf")
	conf := fmt.Sprintf("[global]\nerror_log = %[1]s/log\ndaemonize = no\n[www]\nuser = www-data\ngroup = www-data\nlisten = %[2]s\n"+
		"listen.mode = 0666\npm = static\npm.max_children = %[3]d\npm.status_path = /status\n", dir, socket, children)
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-n", "-F", "-y", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	t.Cleanup(func() {
		stop()
		if text, _ := os.ReadFile(filepath.Join(dir, "log")); t.Failed() {
			t.Logf("php-fpm logged:\n%s", webserver.Excerpt(string(text)))
		}
	})
	for end := time.Now().Add(patience); ; {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
			return socket, stop
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// TestSlowClients checks that as many slow clients as workers do not delay another client, and get
// their responses in the end.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	for kind, open := range slowTargets {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var o targetOptions
			name := open(t, &o)
			target, err := openTarget(name, o, quiet)
			if err != nil {
				t.Fatal(err)
			}
			defer target.close()
			addr := serveOn(t, &httpapp.Server{App: target.app, ErrorLog: quiet})
			t.Run("uploads", func(t *testing.T) {
				body := strings.Repeat("x", 1_000_000)
				clients := slowClients(t, addr, fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body[1:]))
				wantQuick(t, addr)
				for _, c := range clients {
					io.WriteString(c, "x")
					if got, err := readAnswer(c); got != "1000000" || err != nil {
						t.Errorf("got %.100q, %v; want 1000000", got, err)
					}
				}
			})
			t.Run("readers", func(t *testing.T) {
				clients := slowClients(t, addr, "GET /?large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				begin := make([]byte, 10)
				for _, c := range clients {
					if _, err := io.ReadFull(c, begin); err != nil {
						t.Fatal(err)
					}
				}
				wantQuick(t, addr)
				for _, c := range clients {
					if got, err := readAnswer(io.MultiReader(bytes.NewReader(begin), c)); len(got) != slowSize || err != nil {
						t.Errorf("got %d bytes, %v; want %d", len(got), err, slowSize)
					}
				}
			})
		})
	}
}

// slowClients returns a connection for each worker. Each has sent text.
func slowClients(t *testing.T, addr, text string) (clients []net.Conn) {
	t.Helper()
	for range slowWorkers {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	return clients
}

// readAnswer reads a response to its end.
func readAnswer(r io.Reader) (string, error) {
	resp, err := http.ReadResponse(bufio.NewReader(r), nil)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, errors.New(resp.Status))
	}
	return string(body), err
}

// wantQuick requests the short response several times, since the slow clients may not have reached
// the target at the first.
func wantQuick(t *testing.T, addr string) {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 20 {
		resp, err := client.Get("http://" + addr + "/")
		if err != nil {
			t.Fatalf("beside slow clients: %v", err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(got) != "ok" || err != nil {
			t.Errorf("beside slow clients: got %s, %.100q, %v; want ok", resp.Status, got, err)
		}
	}
}
