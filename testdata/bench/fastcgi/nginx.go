//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
	"time"
)

// measureNginx asks nginx, which asks the servers over kept connections of unix sockets: FastCGI against proxying HTTP.
func measureNginx(s settings) error {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		return fmt.Errorf("left out: nginx: %w", err)
	}
	c := &contest{unit: "requests", bounds: []bound{
		{"server", "proxying", 0.95}, {"server", "net/http/fcgi", 2.2},
		{"server+httpapp", "proxying", 0.95}, {"server+httpapp", "net/http/fcgi", 2.2},
	}}
	c.entries = []*entry{
		{name: "proxying", start: func() (*child, error) { return startSelf(s.dir, "unix", []string{"nethttp"}) }},
		{name: "net/http/fcgi", start: func() (*child, error) { return startHello(s, "fcgi") }},
		{name: "server", start: func() (*child, error) { return startHello(s, "server") }},
		{name: "server+httpapp", start: func() (*child, error) { return startHello(s, "serverhttp") }},
		{name: "trivial", start: func() (*child, error) { return startHello(s, "trivial") }},
	}
	if l := buildLibfcgi(s); l != nil {
		c.entries = append(c.entries, &entry{name: "libfcgi", start: func() (*child, error) { return checked(l()) }})
	}
	front := &nginx{binary: binary, dir: s.dir}
	defer front.stop()
	c.ready = func() error { return front.start(c.entries) }
	c.work = func(c *child) (float64, time.Duration, error) {
		request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", front.paths[c])
		l := load{"tcp", front.addr, []byte(request), func() answer { return &httpAnswer{} }}
		return l.run(s.clients, s.span)
	}
	return c.run(s)
}

// nginx is the web server in front. Each entry has a path of its own.
type nginx struct {
	binary, dir, addr string
	paths             map[*child]string
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

func (n *nginx) start(entries []*entry) error {
	var backends []backend
	n.paths = map[*child]string{}
	for i, e := range entries {
		b := backend{fmt.Sprint("backend", i), e.child.addr, e.name == "proxying"}
		backends = append(backends, b)
		n.paths[e.child] = "/" + b.Name
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // the port of a listener that is closed is free for a while
	if err != nil {
		return err
	}
	n.addr = l.Addr().String()
	l.Close()
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

// owner is the user that nginx's workers are to be, and who may use the sockets. Only root can choose.
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

// httpAnswer takes in responses that are 200 and say their Content-Length.
type httpAnswer struct {
	head []byte
	left int // bytes of body that are to come; what head holds says them
	body bool
}

func (a *httpAnswer) take(p []byte) error {
	if a.body {
		a.left -= len(p)
		return nil
	}
	a.head = append(a.head, p...)
	end := bytes.Index(a.head, []byte("\r\n\r\n"))
	if end < 0 {
		return nil
	}
	if !bytes.HasPrefix(a.head, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("answered %.200q", a.head)
	}
	_, rest, ok := bytes.Cut(a.head[:end], []byte("\r\nContent-Length: "))
	if !ok {
		return errors.New("a response without Content-Length")
	}
	for a.left = 0; len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9'; rest = rest[1:] {
		a.left = a.left*10 + int(rest[0]-'0')
	}
	a.left -= len(a.head) - end - 4
	a.body = true
	return nil
}

func (a *httpAnswer) next() bool {
	if !a.body || a.left > 0 {
		return false
	}
	a.body, a.head = false, a.head[:0]
	return true
}
