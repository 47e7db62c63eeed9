//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"

	"github.com/cgikit/cgikit/testdata/bench/contest"
)

// peer is a web server of somebody else, or the command of this module.
type peer struct {
	name    string
	missing error // why it cannot be run here
	start   func(backend string) (*contest.Child, error)
}

// appendTo adds the peer as an entry that asks the application at that unix socket, or says why it
// is left out.
func (p peer) appendTo(entries []*contest.Entry, backend string) []*contest.Entry {
	if p.missing != nil {
		fmt.Printf("left out: %s: %v\n", p.name, p.missing)
		return entries
	}
	return append(entries, &contest.Entry{Name: p.name, Start: func() (*contest.Child, error) { return p.start(backend) }})
}

// site is what the web servers are to do beside handing all requests on.
type site struct {
	name string
	root string // of the PHP scripts; empty: the application is one
	keep bool   // connections to the application
}

// cgikitServe is "cgikit serve", which is built from the tree that the program is run in.
func cgikitServe(s settings) peer {
	program := filepath.Join(s.dir, "cgikit")
	out, err := exec.Command("go", "build", "-o", program, "github.com/cgikit/cgikit/cmd/cgikit").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return peer{"serve", err, func(backend string) (*contest.Child, error) {
		addr, err := contest.FreePort()
		if err != nil {
			return nil, err
		}
		return contest.StartProgram("tcp", addr, exec.Command(program, "serve", "-l", "http://"+addr, "fastcgi+unix:"+backend))
	}}
}

var caddyfile = template.Must(template.New("").Parse(`{
	admin off
	auto_https off
	persist_config off
	storage file_system "{{.Dir}}/caddy"
	log {
		level ERROR
	}
}
http://{{.Listen}} {
	reverse_proxy unix/{{.Backend}} {
		transport fastcgi
	}
}
`))

func caddy(s settings) peer {
	program, err := exec.LookPath(s.caddy)
	return peer{"caddy", err, func(backend string) (*contest.Child, error) {
		return startConfigured(s, caddyfile, site{name: "Caddyfile"}, backend, func(path string) *exec.Cmd {
			return exec.Command(program, "run", "--adapter", "caddyfile", "--config", path)
		})
	}}
}

var nginxConf = template.Must(template.New("").Parse(`
daemon off;
worker_processes auto;
user {{.User}};
pid "{{.Dir}}/{{.Name}}.pid";
error_log "{{.Dir}}/{{.Name}}.log";
events { worker_connections 1024; }
http {
	access_log off;
	keepalive_requests 1000000000;
	client_body_temp_path "{{.Dir}}/body";
	proxy_temp_path "{{.Dir}}/proxy";
	fastcgi_temp_path "{{.Dir}}/fastcgi";
	scgi_temp_path "{{.Dir}}/scgi";
	uwsgi_temp_path "{{.Dir}}/uwsgi";
	upstream backend {
		server "unix:{{.Backend}}";
{{- if .Keep}}
		keepalive 64;
		keepalive_requests 1000000000;
{{- end}}
	}
	server {
		listen {{.Listen}};
{{- if .Root}}
		root "{{.Root}}";
{{- end}}
		location / {
			include /etc/nginx/fastcgi_params;
			fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
{{- if .Keep}}
			fastcgi_keep_conn on;
{{- end}}
			fastcgi_pass backend;
		}
	}
}
`))

func nginx(s settings, at site) peer {
	if at.name == "" {
		at.name = "nginx"
	}
	program, err := exec.LookPath("nginx")
	return peer{at.name, err, func(backend string) (*contest.Child, error) {
		return startConfigured(s, nginxConf, at, backend, func(path string) *exec.Cmd {
			return exec.Command(program, "-p", s.dir, "-e", filepath.Join(s.dir, at.name+".log"), "-c", path)
		})
	}}
}

// startConfigured starts a program by a configuration of its own.
func startConfigured(s settings, conf *template.Template, at site, backend string, command func(path string) *exec.Cmd) (*contest.Child, error) {
	addr, err := contest.FreePort()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = conf.Execute(&text, map[string]any{
		"Dir": s.dir, "User": owner(), "Listen": addr, "Backend": backend, "Name": at.name, "Root": at.root, "Keep": at.keep,
	})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, at.name+".conf")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		return nil, err
	}
	return contest.StartProgram("tcp", addr, command(path))
}

// owner is the user that workers are to be, and who may use the sockets. Only root can choose.
func owner() string {
	if os.Getuid() == 0 {
		return "root root"
	}
	return "nobody"
}

// get fetches a page.
func get(addr, path string) (string, error) {
	resp, err := http.Get("http://" + addr + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}
