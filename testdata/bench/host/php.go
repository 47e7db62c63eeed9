//go:build linux

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/template"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/testdata/bench/contest"
)

const fpm = "php-fpm8.2"

// page takes 5 ms, in which the machine has nothing to do, and says its length.
const page = `<?php usleep(5000); header('Content-Type: text/plain'); header('Content-Length: 6'); echo "hello\n";`

// phpClients are few: they are to wait for the page and not for the machine.
const phpClients = 8

// measurePHP asks web servers, which ask the same php-fpm, over a new connection for each request
// and over kept ones. It has processes for all: one that holds a kept connection takes no other,
// and each worker of nginx keeps its own.
func measurePHP(s settings) error {
	program, err := exec.LookPath(fpm)
	if err != nil {
		return fmt.Errorf("left out: %w", err)
	}
	s.clients = cmp.Or(s.clients, phpClients)
	root := filepath.Join(s.dir, "www")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "page.php"), []byte(page), 0o644); err != nil {
		return err
	}
	pool, err := startFPM(s, program, s.clients*8)
	if err != nil {
		return err
	}
	defer pool.Stop()
	c := &contest.Contest{Unit: "requests", Bounds: []contest.Bound{
		{Of: "cgikit", To: "nginx", Least: 0.85}, {Of: "cgikit, kept", To: "nginx, kept", Least: 0.85},
	}}
	for _, e := range []struct{ name, kept string }{{"cgikit", "0"}, {"cgikit, kept", "64"}} {
		c.Entries = append(c.Entries, &contest.Entry{Name: e.name, Start: func() (*contest.Child, error) {
			return contest.StartSelf(s.dir, "tcp", []string{"php", pool.Addr, root, e.kept})
		}})
	}
	for _, at := range []site{{name: "nginx", root: root}, {name: "nginx, kept", root: root, keep: true}} {
		c.Entries = nginx(s, at).appendTo(c.Entries, pool.Addr)
	}
	c.Ready = func() error { return sameAnswers(c.Entries, "/page.php") }
	c.Work = func(c *contest.Child) (float64, time.Duration, error) {
		return contest.HTTPLoad(c.Addr, "/page.php").Run(s.clients, s.span)
	}
	return c.Run(s.rounds, s.only)
}

var fpmConf = template.Must(template.New("").Parse(`[global]
daemonize = no
pid = {{.Dir}}/fpm.pid
error_log = {{.Dir}}/fpm.log
[www]
{{- if .Root}}
user = www-data
group = www-data
{{- end}}
listen = {{.Socket}}
listen.mode = 0666
pm = static
pm.max_children = {{.Processes}}
`))

func startFPM(s settings, program string, processes int) (*contest.Child, error) {
	var text bytes.Buffer
	socket := filepath.Join(s.dir, "fpm.sock")
	err := fpmConf.Execute(&text, map[string]any{"Dir": s.dir, "Socket": socket, "Processes": processes, "Root": os.Getuid() == 0})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, "fpm.conf")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		return nil, err
	}
	return contest.StartProgram("unix", socket, exec.Command(program, "--nodaemonize", "--fpm-config", path, "-n"))
}

// servePHP serves the scripts of a folder by php-fpm. The third argument is how many connections
// are kept.
func servePHP(l net.Listener, args []string) error {
	kept, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	return http.Serve(l, &host.Handler{
		Backend:   &fastcgi.Client{Addr: "unix:" + args[0], MaxIdleConns: kept},
		Root:      args[1],
		SplitPath: []string{".php"},
	})
}
