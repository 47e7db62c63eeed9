//go:build unix

package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/testdata/conf"
	"github.com/cgikit/cgikit/util"
)

const (
	patience = 30 * time.Second
	children = 20 // pm.max_children of the pool
)

// startPool runs php-fpm with the configuration that "cgikit config php-fpm --full" prints. All
// processes start at once: php-fpm adds a few every second, which is not under test.
func startPool(t *testing.T, dir string) {
	t.Helper()
	webserver.Find(t, "php-fpm8.2")
	file := filepath.Join(dir, "conf")
	text := write(t, Options{Server: "php-fpm", Full: true, Dir: dir, Listen: []string{"fastcgi+unix:" + filepath.Join(dir, "s.sock")}})
	for _, old := range []string{"pm.start_servers = 4", "pm.max_spare_servers = 6"} {
		name, _, _ := strings.Cut(old, " = ")
		if !strings.Contains(text, "\n"+old+"\n") {
			t.Fatalf("no line %q in\n%s", old, text)
		}
		text = strings.Replace(text, old, fmt.Sprint(name, " = ", children), 1)
	}
	if os.Geteuid() != 0 { // only root can give the socket to another user
		text = strings.NewReplacer("listen.owner", ";listen.owner", "listen.group", ";listen.group").Replace(text)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	binary, err := conf.Find("php-fpm8.2")
	if err != nil {
		t.Fatal(err)
	}
	cmd := conf.Foreground("php-fpm", binary, file, dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if log, _ := os.ReadFile(filepath.Join(dir, "error.log")); t.Failed() {
			t.Logf("php-fpm logged:\n%s", webserver.Excerpt(string(log)))
		}
	})
	waitFor(t, "php-fpm to listen", func() bool {
		c, err := net.Dial("unix", filepath.Join(dir, "s-status.sock"))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// waitFor waits for an event that can be asked for but not waited for.
func waitFor(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// sendRequest sends one request to a socket, and returns the body of the answer.
func sendRequest(ctx context.Context, socket, script, name string) (string, error) {
	client := &fastcgi.Client{Addr: "unix:" + socket}
	defer client.Close()
	e := util.EnvironFromMap(map[string]string{
		"REQUEST_METHOD": "GET", "SCRIPT_FILENAME": script, "SCRIPT_NAME": name, "REQUEST_URI": name, "QUERY_STRING": "",
		"SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_NAME": "h", "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1",
	})
	resp, err := client.RoundTrip((&gateway.Request{Environ: e, Stdin: strings.NewReader("")}).WithContext(ctx))
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), errors.Join(err, resp.Body.Close())
}

// TestPoolReportsWhileItIsBusy: when each process of the pool handles a request, the status page
// still answers, at its own socket, and the kernel queues what comes to the pool.
func TestPoolReportsWhileItIsBusy(t *testing.T) {
	t.Parallel()
	dir := webserver.Dir(t)
	startPool(t, dir)
	script, release := filepath.Join(dir, "wait.php"), filepath.Join(dir, "release")
	code := "<?php while (!file_exists('" + release + "')) { usleep(5000); clearstatcache(); } echo 'done';"
	if err := os.WriteFile(script, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, children)
	for range children {
		go func() {
			body, err := sendRequest(t.Context(), filepath.Join(dir, "s.sock"), script, "/wait.php")
			if err != nil {
				body = err.Error()
			}
			answers <- body
		}()
	}
	page := ""
	busy := func() bool {
		var err error
		if page, err = sendRequest(t.Context(), filepath.Join(dir, "s-status.sock"), "/status", "/status"); err != nil {
			t.Fatalf("the status page does not answer: %v", err)
		}
		return strings.Contains(page, "active processes:     20\n")
	}
	waitFor(t, "all processes to be busy", busy)
	if !strings.Contains(page, "idle processes:       0\n") || !strings.Contains(page, "pool:                 www\n") {
		t.Errorf("got the status page %.1000q", page)
	}
	if err := os.WriteFile(release, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for range children {
		if got := <-answers; got != "done" {
			t.Errorf("got %.200q; want the answer of the script", got)
		}
	}
	if pong, err := sendRequest(t.Context(), filepath.Join(dir, "s.sock"), "/ping", "/ping"); pong != "pong" || err != nil {
		t.Errorf("/ping: got %q, %v", pong, err)
	}
}
