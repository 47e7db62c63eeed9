//go:build unix

package scgi

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
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway"
)

// nginx is a running nginx that has the stock scgi_params and no more, and passes everything to target.
func nginx(t *testing.T, target string) (url string) {
	t.Helper()
	need(t, "nginx")
	const params = "/etc/nginx/scgi_params"
	if _, err := os.Stat(params); err != nil {
		t.Skipf("nginx's stock files are elsewhere: %v", err)
	}
	dir, err := os.MkdirTemp("", "nginx") // its workers may be other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o777)
	free := listenOn(t, "tcp")
	addr := free.Addr().String()
	free.Close()
	conf := strings.NewReplacer("DIR", dir, "LISTEN", addr, "PARAMS", params, "TARGET", target).Replace(`
daemon off; master_process off; pid DIR/pid; error_log DIR/error.log;
events {}
http {
	access_log off; client_max_body_size 64m;
	client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; scgi_temp_path DIR/s; uwsgi_temp_path DIR/u;
	server { listen LISTEN; location / { include PARAMS; scgi_buffering off; scgi_pass TARGET; } }
}`)
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	server := exec.Command("nginx", "-e", filepath.Join(dir, "error.log"), "-p", dir, "-c", file)
	var out bytes.Buffer
	server.Stderr = &out
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		server.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("nginx: %s%s", out.String(), log)
		}
	})
	waitUntil(t, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return "http://" + addr
}

// fronted is what the App behind nginx does, by path.
var fronted = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	switch r.Environ.Get("PATH_INFO") {
	case "/echo":
		body, err := io.ReadAll(r.Stdin) // nginx sends no more of it once an answer begins
		if err != nil {
			return err
		}
		_, err = w.Write(body)
		return err
	case "/environ":
		_, err := io.WriteString(w, strings.Join(r.Environ.List(), "\n"))
		return err
	case "/status":
		w.Headers().Add("Set-Cookie", "a=1")
		w.Headers().Add("Set-Cookie", "b=2")
		return w.Start("418 Short And Stout")
	case "/broken":
		io.WriteString(w, "part")
		w.Flush()
		panic("on purpose")
	case "/early":
		panic("on purpose")
	case "/part":
		io.WriteString(w, "part")
		return w.Flush()
	}
	return hello(w, r)
})

func TestBehindNginx(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		need(t, "nginx")
		s := start(t, network, &Server{App: fronted, Mount: "/"})
		target := s.addr
		if network == "unix" {
			os.Chmod(filepath.Dir(s.addr), 0o755)
			os.Chmod(s.addr, 0o777)
			target = "unix:" + s.addr
		}
		url := nginx(t, target)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		ask := func(method, path string, body io.Reader) (int, string, error) {
			req, err := http.NewRequest(method, url+path, body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				return 0, "", err
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			return resp.StatusCode, string(b), err
		}
		big := strings.Repeat("0123456789", 1<<20)
		for _, test := range []struct {
			name, method, path, body string
			status                   int
			want                     string
			broken                   bool
		}{
			{name: "hello", path: "/", status: 200, want: "hello"},
			{name: "HEAD", method: "HEAD", path: "/", status: 200},
			{name: "small body", method: "POST", path: "/echo", body: "ab", status: 200, want: "ab"},
			{name: "10 MB", method: "POST", path: "/echo", body: big, status: 200, want: big},
			{name: "10 MB unread", method: "POST", path: "/", body: big, status: 200, want: "hello"},
			{name: "status", path: "/status", status: 418},
			{name: "failure before the head", path: "/early", status: 500, want: "The server met an internal error and could not answer the request.\n"},
			{name: "streamed", path: "/part", status: 200, want: "part"},
			{name: "failure behind the head", path: "/broken", status: 200, want: "part", broken: true},
			{name: "failure behind the head of a POST", method: "POST", path: "/broken", body: "ab", status: 200, want: "part", broken: true},
			{name: "fine again", path: "/", status: 200, want: "hello"},
		} {
			t.Run(test.name, func(t *testing.T) {
				status, body, err := ask(test.method, test.path, strings.NewReader(test.body))
				if status != test.status || body != test.want {
					t.Errorf("got %d, %.100q; want %d, %.100q", status, body, test.status, test.want)
				}
				if (err != nil) != test.broken || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("reading the body: got %v; broken: %v", err, test.broken)
				}
			})
		}
		_, environ, err := ask("GET", "/environ?q=%41", nil)
		for _, want := range []string{"CONTENT_LENGTH=0", "REQUEST_URI=/environ?q=%41", "QUERY_STRING=q=%41", "SCRIPT_NAME=", "PATH_INFO=/environ"} {
			if !strings.Contains("\n"+environ+"\n", "\n"+want+"\n") || err != nil {
				t.Errorf("no line %s in %s, %v", want, fmt.Sprintf("%q", environ), err)
			}
		}
	})
}
