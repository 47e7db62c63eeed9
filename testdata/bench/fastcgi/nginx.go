//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
	"time"

	"github.com/cgikit/cgikit/testdata/bench/contest"
)

// measureNginx asks nginx, which asks the servers over kept connections of unix sockets: FastCGI
// against proxying HTTP.
func measureNginx(s settings) error {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		return fmt.Errorf("left out: nginx: %w", err)
	}
	c := &contest.Contest{Unit: "requests", Bounds: []contest.Bound{
		{Of: "server", To: "proxying", Least: 0.95}, {Of: "server", To: "net/http/fcgi", Least: 2.2},
		{Of: "server+httpapp", To: "proxying", Least: 0.95}, {Of: "server+httpapp", To: "net/http/fcgi", Least: 2.2},
	}}
	c.Entries = []*contest.Entry{
		{Name: "proxying", Start: func() (*contest.Child, error) { return contest.StartSelf(s.dir, "unix", []string{"nethttp"}) }},
		{Name: "net/http/fcgi", Start: func() (*contest.Child, error) { return startHello(s, "fcgi") }},
		{Name: "server", Start: func() (*contest.Child, error) { return startHello(s, "server") }},
		{Name: "server+httpapp", Start: func() (*contest.Child, error) { return startHello(s, "serverhttp") }},
		{Name: "trivial", Start: func() (*contest.Child, error) { return startHello(s, "trivial") }},
	}
	if l := buildLibfcgi(s); l != nil {
		c.Entries = append(c.Entries, &contest.Entry{Name: "libfcgi", Start: func() (*contest.Child, error) { return checked(l()) }})
	}
	front := &nginx{binary: binary, dir: s.dir}
	defer front.stop()
	c.Ready = func() error { return front.start(c.Entries) }
	c.Work = func(c *contest.Child) (float64, time.Duration, error) {
		return contest.HTTPLoad(front.addr, front.paths[c]).Run(s.clients, s.span)
	}
	return c.Run(s.rounds, s.only)
}

// nginx is the web server in front. Each entry has a path of its own.
type nginx struct {
	binary, dir, addr string
	paths             map[*contest.Child]string
	cmd               *exec.Cmd
}

var nginxConf = template.Must(template.New("").Parse(`
daemon off;
worker_processes 1;
user {{.User}};
pid "{{.Dir}}/nginx.pid";
error_log "{{.Dir}}/error.log";
events { worker_connections 1024; }
http {
	access_log off;
	keepalive_requests 1000000000;
	client_body_temp_path "{{.Dir}}/body";
	proxy_temp_path "{{.Dir}}/proxy";
	fastcgi_temp_path "{{.Dir}}/fastcgi";
	scgi_temp_path "{{.Dir}}/scgi";
	uwsgi_temp_path "{{.Dir}}/uwsgi";
{{- range .Backends}}
	upstream {{.Name}} {
		server "unix:{{.Address}}";
		keepalive 64;
		keepalive_requests 1000000000;
	}
{{- end}}
	server {
		listen {{.Listen}};
{{- range .Backends}}
		location = /{{.Name}} {
{{- if .HTTP}}
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_pass http://{{.Name}};
{{- else}}
			include /etc/nginx/fastcgi_params;
			fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
			fastcgi_keep_conn on;
			fastcgi_pass {{.Name}};
{{- end}}
		}
{{- end}}
	}
}
`))

// backend is what the configuration says of an entry.
type backend struct {
	Name, Address string
	HTTP          bool
}

func (n *nginx) start(entries []*contest.Entry) error {
	var backends []backend
	n.paths = map[*contest.Child]string{}
	for i, e := range entries {
		b := backend{fmt.Sprint("backend", i), e.Child.Addr, e.Name == "proxying"}
		backends = append(backends, b)
		n.paths[e.Child] = "/" + b.Name
	}
	var err error
	if n.addr, err = contest.FreePort(); err != nil {
		return err
	}
	var conf bytes.Buffer
	err = nginxConf.Execute(&conf, map[string]any{"Dir": n.dir, "User": owner(), "Listen": n.addr, "Backends": backends})
	if err != nil {
		return err
	}
	path := filepath.Join(n.dir, "nginx.conf")
	if err := os.WriteFile(path, conf.Bytes(), 0o600); err != nil {
		return err
	}
	n.cmd = exec.Command(n.binary, "-p", n.dir, "-e", filepath.Join(n.dir, "error.log"), "-c", path)
	n.cmd.Stderr = os.Stderr
	if err := n.cmd.Start(); err != nil {
		return err
	}
	return n.wait()
}

// owner is the user that nginx's workers are to be, and who may use the sockets. Only root can
// choose.
func owner() string {
	if os.Getuid() == 0 {
		return "root root"
	}
	return "nobody"
}

func (n *nginx) wait() error {
	for range 200 {
		if c, err := net.Dial("tcp", n.addr); err == nil {
			return c.Close()
		}
		time.Sleep(25 * time.Millisecond)
	}
	text, _ := os.ReadFile(filepath.Join(n.dir, "error.log"))
	return fmt.Errorf("nginx does not answer: %s", text)
}

func (n *nginx) stop() {
	if n.cmd != nil && n.cmd.Process != nil {
		n.cmd.Process.Signal(os.Interrupt)
		n.cmd.Wait()
	}
}
