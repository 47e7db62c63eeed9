//go:build unix

package check

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/scgi"
)

// peer is an application whose results are kept in testdata/check: a file of --known, which has
// each check that does not pass.
type peer struct {
	name  string
	start func(t *testing.T, dir string) (target string, restart func(force bool))
	vars  []Variable
	echo  bool
}

const responders = "../../../../testdata/responder/"

var peers = []peer{
	{name: "libfcgi", start: startLibfcgi},
	{name: "FCGI.pm", start: startFCGIpm},
	{name: "fcgiwrap", start: startFcgiwrap, vars: []Variable{{"SCRIPT_FILENAME", "DIR/script.sh"}}},
	{name: "php-fpm8.2", start: startPHP, vars: []Variable{{"SCRIPT_FILENAME", "DIR/ok.php"}, {"SCRIPT_NAME", "/ok.php"}}},
	{name: "uwsgi_python3", start: startUWSGI},
	{name: "net-http-fcgi", start: startNetHTTP},
	{name: "fastcgi.Server", start: startFastCGI, echo: true},
	{name: "scgi.Server", start: startSCGI, echo: true},
}

// TestPeers compares what the checks find in applications of others, and in this module's, with the
// results that are kept.
func TestPeers(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			dir := webserver.Dir(t)
			writeScripts(t, dir)
			address, restart := p.start(t, dir)
			tg, err := target.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			r := &Run{Target: tg, Echo: p.echo}
			for _, v := range p.vars {
				r.Vars = append(r.Vars, Variable{v.Name, strings.ReplaceAll(v.Value, "DIR", dir)})
			}
			awaitAnswer(t, r, restart)
			compare(t, r, p.name, restart)
		})
	}
}

// TestStalled tries S12.1 with a server that waits shorter than the default minute.
func TestStalled(t *testing.T) {
	t.Parallel()
	s := &scgi.Server{App: Echo(), ReadTimeout: 50 * time.Millisecond, ErrorLog: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() { s.Close() })
	address, _ := serve(t, "scgi", s.Serve)
	tg, err := target.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	checks, err := Select(For("scgi"), []string{"S12.1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &Run{Target: tg, Timeout: slow}
	if got := r.one(t.Context(), checks[0], ""); got.Verdict != Pass {
		t.Errorf("got %s, %q; want it to pass", got.Verdict, got.Reason)
	}
}

// compare runs the checks one by one. One that is known to fail gets the time of the command, since
// it may have to wait for it. The others get enough.
func compare(t *testing.T, r *Run, name string, restart func(force bool)) {
	t.Helper()
	known := readKept(t, name)
	for _, c := range For(r.Target.Protocol) {
		r.Timeout = slow
		if known[c.ID] != "" || c.ID == "S12.1" { // TestStalled has a peer that does not wait for a minute
			r.Timeout = time.Second
		}
		got := r.one(t.Context(), c, "")
		failed := got.Verdict == Fail || got.Verdict == Warn
		switch {
		case failed && known[c.ID] == "":
			t.Errorf("%s does not pass, and is not in the file: %s, %s", c.ID, got.Verdict, got.Reason)
		case strings.HasPrefix(known[c.ID], "sometimes: "):
		case known[c.ID] != "" && got.Verdict == Pass:
			t.Errorf("%s passes, and the file has: %s", c.ID, known[c.ID])
		}
		if failed {
			awaitAnswer(t, r, restart)
		}
	}
}

func readKept(t *testing.T, name string) Known {
	t.Helper()
	f, err := os.Open("../../testdata/check/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	known, err := ReadKnown(f)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// awaitAnswer waits until a peer answers. It starts one again that has ended, or that is silent.
func awaitAnswer(t *testing.T, r *Run, restart func(force bool)) {
	t.Helper()
	for end := time.Now().Add(slow); ; time.Sleep(time.Millisecond) {
		r.Timeout = 10 * time.Second
		begin := time.Now()
		err := r.prepare(t.Context())
		switch {
		case err == nil:
			return
		case time.Now().After(end):
			t.Fatalf("the peer does not answer: %v", err)
		default:
			restart(time.Since(begin) > r.Timeout)
		}
	}
}

func writeScripts(t *testing.T, dir string) {
	t.Helper()
	webserver.WriteProgram(t, filepath.Join(dir, "script.sh"), "#!/bin/sh\necho Content-Type: text/plain\necho\necho ok\n")
	if err := os.WriteFile(filepath.Join(dir, "ok.php"), []byte("<?php echo 'ok';\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// program is a peer that a check may end.
type program struct {
	command func() *exec.Cmd
	cmd     *exec.Cmd
	ended   chan struct{} // closed when cmd has ended
}

// runProgram runs a program that listens on a socket until the test ends.
func runProgram(t *testing.T, socket, name string, args ...string) (address string, restart func(force bool)) {
	t.Helper()
	p := &program{command: func() *exec.Cmd { return exec.Command(name, args...) }}
	start := func() {
		os.Remove(socket)
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
	}
	start()
	t.Cleanup(p.stop)
	return "fastcgi+unix:" + socket, func(force bool) {
		select {
		case <-p.ended:
		default:
			if !force {
				return
			}
			p.stop()
		}
		start()
	}
}

func (p *program) start() error {
	p.cmd, p.ended = p.command(), make(chan struct{})
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		cmd.Wait()
	}(p.cmd, p.ended)
	return nil
}

func (p *program) stop() {
	p.cmd.Process.Kill()
	<-p.ended
}

// startAgain is the restart of a peer that no check harms.
func startAgain(bool) {}

func startLibfcgi(t *testing.T, dir string) (string, func(bool)) {
	built, socket := filepath.Join(dir, "libfcgi"), filepath.Join(dir, "s")
	if out, err := exec.Command(webserver.Find(t, "cc"), "-o", built, responders+"libfcgi.c", "-lfcgi").CombinedOutput(); err != nil {
		missing(t, "libfcgi", out)
	}
	return runProgram(t, socket, built, socket)
}

func startFCGIpm(t *testing.T, dir string) (string, func(bool)) {
	perl, socket := webserver.Find(t, "perl"), filepath.Join(dir, "s")
	if out, err := exec.Command(perl, "-MFCGI", "-e", "1").CombinedOutput(); err != nil {
		missing(t, "FCGI.pm", out)
	}
	return runProgram(t, socket, perl, responders+"fcgi.pl", socket)
}

func startFcgiwrap(t *testing.T, dir string) (string, func(bool)) {
	socket := filepath.Join(dir, "s")
	return runProgram(t, socket, webserver.Find(t, "fcgiwrap"), "-f", "-s", "unix:"+socket)
}

func startPHP(t *testing.T, dir string) (string, func(bool)) {
	conf := fmt.Sprintf("[global]\nerror_log = %[1]s/log\ndaemonize = no\n[www]\nuser = www-data\ngroup = www-data\nlisten = %[1]s/s\nlisten.mode = 0666\n"+
		"pm = static\npm.max_children = 2\n", dir)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o644), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	startProgram(t, webserver.Find(t, "php-fpm8.2"), "-n", "-F", "-y", filepath.Join(dir, "conf"))
	return "fastcgi+unix:" + filepath.Join(dir, "s"), startAgain
}

// startProgram runs a program with children of its own until the test ends.
func startProgram(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
}

const wsgi = `def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
`

func startUWSGI(t *testing.T, dir string) (string, func(bool)) {
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(wsgi), 0o644); err != nil {
		t.Fatal(err)
	}
	startProgram(t, webserver.Find(t, "uwsgi_python3"), "--scgi-socket", filepath.Join(dir, "s"), "--wsgi-file", filepath.Join(dir, "app.py"),
		"--need-app", "--disable-logging", "--logto", filepath.Join(dir, "log"), "--die-on-term")
	return "scgi+unix:" + filepath.Join(dir, "s"), startAgain
}

// serve runs a server of Go until the test ends.
func serve(t *testing.T, protocol string, run func(net.Listener) error) (string, func(bool)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { run(l) })
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return protocol + "://" + l.Addr().String(), startAgain
}

func startNetHTTP(t *testing.T, _ string) (string, func(bool)) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	return serve(t, "fastcgi", func(l net.Listener) error { return fcgi.Serve(l, handler) })
}

func startFastCGI(t *testing.T, _ string) (string, func(bool)) {
	s := &fastcgi.Server{App: Echo(), ErrorLog: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() { s.Close() })
	return serve(t, "fastcgi", s.Serve)
}

func startSCGI(t *testing.T, _ string) (string, func(bool)) {
	s := &scgi.Server{App: Echo(), ErrorLog: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() { s.Close() })
	return serve(t, "scgi", s.Serve)
}

// missing does for a library what webserver.Find does for a program.
func missing(t *testing.T, name string, why []byte) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("CGIKIT_REQUIRE"), ","), name) {
		t.Fatalf("CGIKIT_REQUIRE lists %s, which is not to be had:\n%.500s", name, why)
	}
	t.Skipf("%s is not to be had: %.200s", name, why)
}
