package fastcgi_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net"
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
)

// phpScript does what its query says.
const phpScript = `<?php
switch ($_GET['do'] ?? '') {
case 'body':
	$body = file_get_contents('php://input');
	echo strlen($body), ' ', md5($body);
	break;
case 'variables':
	$n = 0;
	foreach ($_SERVER as $name => $value) if (str_starts_with($name, 'BIG')) $n += strlen($value);
	echo $n;
	break;
case 'large':
	for ($i = 0; $i < 200; $i++) echo str_repeat('x', 50000);
	break;
case 'log':
	error_log('said to the log');
	echo 'ok';
	break;
case 'redirect':
	header('Location: https://example.org/', true, 307);
	break;
case 'finish':
	echo 'ok';
	fastcgi_finish_request();
	sleep(60);
	break;
case 'sleep':
	sleep(30);
	break;
default:
	echo 'ok';
}
`

// phpFPM runs php-fpm with two processes until the test ends. It returns a Client of it, and a
// maker of requests for the script.
func phpFPM(t *testing.T, network string) (*fastcgi.Client, func(method, query string) *gateway.Request) {
	t.Helper()
	binary := webserver.Find(t, "php-fpm8.2")
	dir := webserver.Dir(t)
	listen := filepath.Join(dir, "php.sock")
	addr := "unix:" + listen
	if network == "tcp" {
		l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
		if err != nil {
			t.Fatal(err)
		}
		listen = l.Addr().String()
		addr = listen
		l.Close()
	}
	conf := fmt.Sprintf("[global]\nerror_log = %[1]s/log\ndaemonize = no\n[www]\nuser = %[2]s\ngroup = %[3]s\nlisten = %[4]s\nlisten.mode = 0666\n"+
		"pm = static\npm.max_children = 2\ncatch_workers_output = yes\nphp_admin_value[log_errors] = 1\n", dir, "www-data", "www-data", listen)
	script := filepath.Join(dir, "do.php")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o644), os.WriteFile(script, []byte(phpScript), 0o644)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-n", "-F", "-y", filepath.Join(dir, "conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if text, _ := os.ReadFile(filepath.Join(dir, "log")); t.Failed() {
			t.Logf("php-fpm logged:\n%s", webserver.Excerpt(string(text)))
		}
	})
	c := &fastcgi.Client{Addr: addr}
	t.Cleanup(func() { c.Close() })
	request := func(method, query string) *gateway.Request {
		return requestOf(method, nil, "SCRIPT_FILENAME", script, "SCRIPT_NAME", "/do.php", "REQUEST_URI", "/do.php?"+query,
			"QUERY_STRING", query, "SERVER_PROTOCOL", "HTTP/1.1", "GATEWAY_INTERFACE", "CGI/1.1")
	}
	for end := time.Now().Add(patience); ; {
		if _, _, err := exchange(c, request("GET", "")); err == nil {
			return c, request
		} else if time.Now().After(end) {
			t.Fatalf("php-fpm does not answer: %v", err)
		}
	}
}

func TestPHP(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			c, request := phpFPM(t, network)
			c.CloseIdle()
			c.MaxConns, c.MaxIdleConns = 2, 2
			before := c.Stats().Dialed
			t.Run("bodies", func(t *testing.T) { phpBodies(t, c, request) })
			t.Run("variables", func(t *testing.T) { phpVariables(t, c, request) })
			t.Run("responses", func(t *testing.T) { phpResponses(t, c, request) })
			if s := c.Stats(); s.Dialed != before+1 || s.Retried > 0 {
				t.Errorf("got %+v; want one connection for all", s)
			}
			t.Run("values", func(t *testing.T) { wantMultiplexes(t, c, "0") })
			t.Run("finish", func(t *testing.T) { phpFinish(t, c, request) })
			t.Run("cancel", func(t *testing.T) { phpCancel(t, c, request) })
		})
	}
}

// Records of all lengths about the largest, and bodies that are in memory and that are not.
func phpBodies(t *testing.T, c *fastcgi.Client, request func(method, query string) *gateway.Request) {
	for _, size := range []int{0, 1, 8, 32_767, 32_768, 32_769, 65_527, 65_528, 65_529, 65_535, 65_536, 131_057, 3 << 20} {
		body := strings.Repeat("b", size)
		want := fmt.Sprintf("%d %x", size, md5.Sum([]byte(body)))
		for range 2 {
			r := request("POST", "do=body")
			r.Environ.Set("CONTENT_LENGTH", fmt.Sprint(size))
			r.Stdin = strings.NewReader(body)
			if _, got, err := exchange(c, r); got != want || err != nil {
				t.Errorf("%d bytes in memory: got %q, %v; want %q", size, got, err, want)
			}
			settle(t, c)
			r.Stdin = streamed(body)
			if _, got, err := exchange(c, r); got != want || err != nil {
				t.Errorf("%d bytes: got %q, %v; want %q", size, got, err, want)
			}
			settle(t, c)
		}
	}
}

// php-fpm takes what goes over many records (F44).
func phpVariables(t *testing.T, c *fastcgi.Client, request func(method, query string) *gateway.Request) {
	for _, values := range [][]int{{65_000}, {30_000, 30_000, 30_000}, {65_500, 1, 65_500, 1}, make([]int, 500)} {
		r, want := request("GET", "do=variables"), 0
		for i, n := range values {
			n = max(n, 400)
			r.Environ.Add(fmt.Sprintf("BIG%03d", i), strings.Repeat("v", n))
			want += n
		}
		if _, got, err := exchange(c, r); got != fmt.Sprint(want) || err != nil {
			t.Errorf("%d variables: got %q, %v; want %d", len(values), got, err, want)
		}
	}
}

func phpResponses(t *testing.T, c *fastcgi.Client, request func(method, query string) *gateway.Request) {
	if _, got, err := exchange(c, request("GET", "do=large")); len(got) != 10_000_000 || err != nil {
		t.Errorf("large: got %d bytes, %v", len(got), err)
	}
	var log bytes.Buffer
	r := request("GET", "do=log")
	r.Stderr = &log
	if _, got, err := exchange(c, r); got != "ok" || err != nil || !strings.Contains(log.String(), "said to the log") {
		t.Errorf("log: got %q, %v, and the log %q", got, err, log.String())
	}
	if resp, _, err := exchange(c, request("GET", "do=redirect")); err != nil || resp.Status != "307 Temporary Redirect" {
		t.Errorf("redirect: got %+v, %v", resp, err)
	}
	r = request("GET", "")
	r.Environ.Set("SCRIPT_FILENAME", "/no/such/script.php")
	r.Stderr = &log
	if resp, _, err := exchange(c, r); err != nil || !strings.HasPrefix(resp.Status, "404") || !strings.Contains(log.String(), "Primary script unknown") {
		t.Errorf("no script: got %+v, %v, and the log %q", resp, err, log.String())
	}
}

// fastcgi_finish_request ends the exchange while the script goes on.
func phpFinish(t *testing.T, c *fastcgi.Client, request func(method, query string) *gateway.Request) {
	began := time.Now()
	_, got, err := exchange(c, request("GET", "do=finish"))
	if took := time.Since(began); got != "ok" || err != nil || took > patience {
		t.Errorf("got %q, %v after %v", got, err, took)
	}
	c.CloseIdle() // the process sleeps on
}

func phpCancel(t *testing.T, c *fastcgi.Client, request func(method, query string) *gateway.Request) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := exchange(c, request("GET", "do=sleep").WithContext(ctx)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want the context's end", err)
	}
	waitUntil(t, "the end of the connection", func() bool { return c.Stats().Active == 0 })
}

// With two processes, one of which goes on after its response, the next requests are answered by
// the other: no connection is kept to the first. Over a kept connection they waited for its end.
func TestPHPFinish(t *testing.T) {
	c, request := phpFPM(t, "unix")
	c.FirstByteTimeout = patience
	for _, what := range []string{"", "do=finish", "", ""} {
		if _, got, err := exchange(c, request("GET", what)); got != "ok" || err != nil {
			t.Errorf("%q: got %q, %v", what, got, err)
		}
	}
}

// More clients than processes, and a Client without MaxConns: all are answered.
func TestPHPStarvation(t *testing.T) {
	t.Parallel()
	c, request := phpFPM(t, "unix")
	c.MaxIdleConns, c.FirstByteTimeout = 2, patience
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			for range 20 {
				if _, got, err := exchange(c, request("GET", "")); got != "ok" || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	group.Wait()
}

// php-fpm says that it cannot multiplex, and is not asked to.
func TestPHPMultiplex(t *testing.T) {
	plain, request := phpFPM(t, "unix")
	plain.Close()
	c := &fastcgi.Client{Addr: plain.Addr, Multiplex: true, MaxConns: 2}
	defer c.Close()
	for range 5 {
		if _, got, err := exchange(c, request("GET", "")); got != "ok" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
}
