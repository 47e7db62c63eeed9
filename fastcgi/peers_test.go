package fastcgi_test

import (
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
	"testing"
	"text/template"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// The whole table of requests and servers is in package gatewaytest. These are the two peers for what is FastCGI's alone.

// nginxConf differs from testdata/conf in that nginx may keep its connections.
var nginxConf = template.Must(template.New("").Parse(`
daemon off;
pid "{{.Dir}}/pid";
error_log "{{.Dir}}/error.log" info;
events {}
http {
	access_log off;
	client_body_temp_path "{{.Dir}}/body";
	proxy_temp_path "{{.Dir}}/proxy";
	fastcgi_temp_path "{{.Dir}}/fastcgi";
	scgi_temp_path "{{.Dir}}/scgi";
	uwsgi_temp_path "{{.Dir}}/uwsgi";
	upstream app {
		server {{.Backend}};
		{{if .Keep}}keepalive 4;{{end}}
	}
	server {
		listen {{.Listen}};
		location ~ ^/app(?<path_info>/.*)?$ {
			include "{{.Stock}}";
			fastcgi_param SCRIPT_NAME /app;
			fastcgi_param PATH_INFO $path_info;
			fastcgi_pass app;
			fastcgi_buffering off;
			{{if .Keep}}fastcgi_keep_conn on;{{end}}
		}
	}
}
`))

// stockParams finds the parameters that every distribution's nginx comes with: Debian's and most others', FreeBSD's, Homebrew's.
func stockParams(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/etc/nginx", "/usr/local/etc/nginx", "/opt/homebrew/etc/nginx"} {
		if name := filepath.Join(dir, "fastcgi_params"); exists(name) {
			return name
		}
	}
	t.Fatal("nginx is here, and its fastcgi_params are not")
	return ""
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// nginx starts one in front of srv and returns its URL.
func nginx(t *testing.T, srv *server, keep bool) string {
	t.Helper()
	binary := webserver.Find(t, "nginx")
	dir := webserver.Dir(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	var text bytes.Buffer
	data := map[string]any{"Dir": dir, "Backend": srv.addr, "Listen": addr, "Keep": keep, "Stock": stockParams(t)}
	if err := errors.Join(nginxConf.Execute(&text, data), os.WriteFile(filepath.Join(dir, "conf"), text.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-e", filepath.Join(dir, "error.log"), "-c", filepath.Join(dir, "conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if text, _ := os.ReadFile(filepath.Join(dir, "error.log")); t.Failed() {
			t.Logf("nginx logged:\n%s", text)
		}
	})
	for deadline := time.Now().Add(patience); ; {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			nc.Close()
			return "http://" + addr + "/app"
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}

// peerApp is what the real web servers are asked for.
func peerApp(w gateway.ResponseWriter, r *gateway.Request) error {
	switch r.Environ.Get("PATH_INFO") {
	case "/panic":
		panic("early")
	case "/early":
		w.Headers().Set("X", "12") // "Status: 200 OK\r\nX: 12\r\n\r\n" is 25 bytes: padding would follow
		if err := w.Flush(); err != nil {
			return err
		}
		<-breakNow
		return nil
	case "/break":
		io.WriteString(w, "part")
		w.Flush()
		<-breakNow
		panic("late")
	}
	n, err := io.Copy(io.Discard, r.Stdin)
	if err != nil {
		return err
	}
	w.Headers().Set("X-Length", fmt.Sprint(n))
	_, err = fmt.Fprintf(w, "%s|%s|%s", r.Environ.Get("SCRIPT_NAME"), r.Environ.Get("PATH_INFO"), r.Environ.Get("QUERY_STRING"))
	return err
}

// breakNow lets peerApp break a response whose beginning the client has seen.
var breakNow = make(chan struct{})

func TestNginx(t *testing.T) {
	bothEngines(t, testNginx)
}

func testNginx(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("keep=%t", keep), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			srv := startOn(t, l, &fastcgi.Server{App: gateway.AppFunc(peerApp)})
			url := nginx(t, srv, keep)
			client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
			const requests = 10
			for i := range requests {
				checkPost(t, client, url, i*20_000)
			}
			if n := srv.Stats().Accepted; keep && n != 1 || !keep && n != requests {
				t.Errorf("nginx made %d connections for %d requests (F17, F29)", n, requests)
			}
			checkHead(t, client, url)
			checkFailures(t, client, url)
			checkEarlyHead(t, client, url)
			checkPost(t, client, url, 3)
		})
	}
}

func checkPost(t *testing.T, client *http.Client, url string, size int) {
	t.Helper()
	resp, err := client.Post(url+"/a%2Fb?q=1", "text/plain", strings.NewReader(strings.Repeat("x", size)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != "/app|/a/b|q=1" || resp.Header.Get("X-Length") != fmt.Sprint(size) {
		t.Errorf("got %q, %v, %v", got, resp.Header, err)
	}
}

func checkHead(t *testing.T, client *http.Client, url string) {
	t.Helper()
	resp, err := client.Head(url + "/h")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.ContentLength != int64(len("/app|/h|")) {
		t.Errorf("HEAD: got %d, length %d", resp.StatusCode, resp.ContentLength)
	}
}

// checkFailures has a panic before the first byte, and one that is raised when the client has read some: the second must not look like
// the end of a whole response.
func checkFailures(t *testing.T, client *http.Client, url string) {
	t.Helper()
	resp, err := client.Get(url + "/panic")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 500 {
		t.Errorf("panic: got %d", resp.StatusCode)
	}
	resp, err = client.Get(url + "/break")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	breakNow <- struct{}{}
	if rest, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("a broken response ended well, with %q", rest)
	}
}

// checkEarlyHead has a head that is flushed before there is a body: it must not wait in nginx.
func checkEarlyHead(t *testing.T, client *http.Client, url string) {
	t.Helper()
	resp, err := client.Get(url + "/early")
	breakNow <- struct{}{}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil || resp.Header.Get("X") != "12" {
		t.Errorf("got %q, %v, %v", rest, resp.Header, err)
	}
}

// TestCgiFcgi is asked by the development kit's own client.
func TestCgiFcgi(t *testing.T) {
	bothEngines(t, testCgiFcgi)
}

func testCgiFcgi(t *testing.T) {
	binary := webserver.Find(t, "cgi-fcgi")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := startOn(t, l, &fastcgi.Server{App: gateway.AppFunc(peerApp)})
	cmd := exec.Command(binary, "-bind", "-connect", srv.addr.String())
	cmd.Env = []string{"REQUEST_METHOD=POST", "CONTENT_LENGTH=4", "SCRIPT_NAME=/app", "PATH_INFO=/p", "QUERY_STRING=q"}
	cmd.Stdin = strings.NewReader("body")
	out, err := cmd.Output()
	if want := "Status: 200 OK\r\nX-Length: 4\r\nContent-Length: 9\r\n\r\n/app|/p|q"; string(out) != want || err != nil {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
}
