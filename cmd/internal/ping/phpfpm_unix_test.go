//go:build unix

package ping

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// patience is how long a program may take for what it is waited for.
const patience = 60 * time.Second

// pool is a php-fpm under test.
type pool struct {
	dir    string
	target string // TARGET of the command line
	listen string // a path, or an address
	cmd    *exec.Cmd
	ended  chan struct{}
}

// workScript works until the test has made a file.
const workScript = `<?php
touch(__DIR__ . '/working');
while (!file_exists(__DIR__ . '/done')) {
	usleep(10000);
	clearstatcache();
}
`

// startPHP runs php-fpm until the test ends. Lines are added to those of its pool.
func startPHP(t *testing.T, network string, lines ...string) *pool {
	t.Helper()
	p := &pool{dir: webserver.Dir(t), ended: make(chan struct{})}
	p.listen, p.target = filepath.Join(p.dir, "s"), "fastcgi+unix:"+filepath.Join(p.dir, "s")
	if network == "tcp" {
		p.listen = closedPort(t)
		p.target = "fastcgi://" + p.listen
	}
	conf := fmt.Sprintf("[global]\nerror_log = %[1]s/log\ndaemonize = no\n[www]\nuser = www-data\ngroup = www-data\nlisten = %[2]s\nlisten.mode = 0666\n"+
		"pm = static\npm.status_path = /status\nping.path = /ping\n%[3]s\n", p.dir, p.listen, strings.Join(lines, "\n"))
	err := errors.Join(os.WriteFile(filepath.Join(p.dir, "conf"), []byte(conf), 0o644),
		os.WriteFile(filepath.Join(p.dir, "work.php"), []byte(workScript), 0o644), os.Chmod(p.dir, 0o777))
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(webserver.Find(t, "php-fpm8.2"), "-n", "-F", "-y", filepath.Join(p.dir, "conf"))
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	t.Cleanup(func() { p.stop(t) })
	if got := runPing(t, enough, "--wait=60s", "--interval=10ms", p.target); got.status != 0 {
		t.Fatalf("php-fpm does not become healthy: %+v", got)
	}
	return p
}

// stop ends php-fpm and its workers, as a service manager does.
func (p *pool) stop(t *testing.T) {
	os.WriteFile(filepath.Join(p.dir, "done"), nil, 0o644)
	p.cmd.Process.Signal(syscall.SIGCONT)
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
	if text, _ := os.ReadFile(filepath.Join(p.dir, "log")); t.Failed() {
		t.Logf("php-fpm logged:\n%.2000s", text)
	}
}

// work has one worker busy until finish is called.
func (p *pool) work(t *testing.T) (finish func()) {
	t.Helper()
	network := "unix"
	if !strings.HasPrefix(p.listen, "/") {
		network = "tcp"
	}
	conn, err := net.Dial(network, p.listen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(newRequest(filepath.Join(p.dir, "work.php"))); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the script works", func() bool {
		_, err := os.Stat(filepath.Join(p.dir, "working"))
		return err == nil
	})
	return func() {
		os.WriteFile(filepath.Join(p.dir, "done"), nil, 0o644)
		conn.Close()
	}
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain for %v: %s", patience, what)
		}
	}
}

// wantLine fails the test unless the command has told one line with that beginning and that part,
// and ended with that status.
func wantLine(t *testing.T, got outcome, status int, begin, part string) {
	t.Helper()
	text, _, _ := strings.Cut(got.stdout, " | ") // what follows are the figures of --nagios
	if got.status != status || !strings.HasPrefix(text, begin) || !strings.Contains(got.stdout, part) || strings.Count(got.stdout, "\n") != 1 || len(text) > maxLine+len("PING CRITICAL - \n") {
		t.Errorf("got %+v; want %q ... %q and exit status %d", got, begin, part, status)
	}
}

// queued is how the line tells the queue on this system.
func queued(text string) string {
	if runtime.GOOS != "linux" {
		return "queue unknown"
	}
	return text
}

// TestPHPIdle asks a php-fpm with free workers all the questions there are. The numbers of
// processes are not compared: php-fpm counts them anew once in a second, and wrongly in between.
func TestPHPIdle(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			p := startPHP(t, network, "pm.max_children = 3", "listen.backlog = 9")
			free := queued("queue 0 of 9")
			wantLine(t, runPing(t, enough, "--path", "/ping", "--expect-body", "^pong$", p.target), 0, "ok: FastCGI at "+p.listen+", 200", free)
			wantLine(t, runPing(t, enough, "--status", "/status", p.target), 0, `ok: php-fpm "www" at `+p.listen, " busy, queue 0 of 9")
			wantLine(t, runPing(t, enough, "--fail-if", "idle-processes>99", "--warn-if", "queue>0", p.target), 0, `ok: php-fpm "www"`, "")
			wantLine(t, runPing(t, enough, "--fail-if", "saturation>0", p.target), 1, "unhealthy: saturation ", "% > 0% (")
			wantLine(t, runPing(t, enough, "--accepted-conn=1", p.target), 1, "unhealthy: accepted-conn ", " > 1 (")
			wantLine(t, runPing(t, enough, "--warn-if", "total-processes>=1", p.target), 0, "warning: total-processes ", " >= 1 (")
			wantLine(t, runPing(t, enough, "--nagios", "--warn-if", "total-processes>=1", p.target), 1, "PING WARNING - warning: total-processes ", "'total-processes'=")
			wantHint(t, runPing(t, enough, "--path", "/none", p.target), "unhealthy: "+p.listen+": /none answers 404", "the path is pm.status_path or ping.path")
			wantHint(t, runPing(t, enough, "--path", filepath.Join(p.dir, "log"), p.target), "unhealthy: ", "security.limit_extensions")
			wantHint(t, runPing(t, enough, "--status", "/ping", p.target), "unhealthy: "+p.listen+": /ping?json is not php-fpm's status page", `begins with "pong"`)
			// the environment of php-fpm-healthcheck, whose users also set the ping page
			env := map[string]string{"FCGI_CONNECT": p.listen, "FCGI_STATUS_PATH": "/status"}
			wantLine(t, runPingWith(t, t.Context(), env, enough), 0, `ok: php-fpm "www" at `+p.listen, "")
			env["FCGI_STATUS_PATH"] = "/ping"
			wantLine(t, runPingWith(t, t.Context(), env, enough), 0, "ok: FastCGI at "+p.listen+", 200", "")
			wantLine(t, runPing(t, enough, p.target), 0, "ok: FastCGI at "+p.listen, free)
			metrics := runPing(t, enough, "--openmetrics", p.target).stdout
			if want := fmt.Sprintf("\nphpfpm_total_processes{target=%q,pool=\"www\"} ", p.target); !strings.Contains(metrics, want) || !strings.HasSuffix(metrics, "\n# EOF\n") {
				t.Errorf("got %s; want %s", metrics, want)
			}
		})
	}
}

// wantHint fails the test unless there is a line of a failure, and a hint.
func wantHint(t *testing.T, got outcome, begin, hint string) {
	t.Helper()
	wantLine(t, got, 1, begin, "")
	if !strings.HasPrefix(got.stderr, "hint: ") || !strings.Contains(got.stderr, hint) || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("got %q; want the hint %q", got.stderr, hint)
	}
}

// TestPHPBusy: all workers are busy, and then the backlog is full.
func TestPHPBusy(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			p := startPHP(t, network, "pm.max_children = 1", "listen.backlog = 2")
			finish := p.work(t)
			silent := func(got outcome) bool { return strings.Contains(got.stdout, "connected, no answer in") }
			got := runLate(t, silent, p.target)
			wantLine(t, got, 1, "busy", queued(" wait in the queue of 2"))
			var waiting []net.Conn
			for runtime.GOOS == "linux" && readQueue(parse(t, p.target)).Waiting <= 2 {
				waiting = append(waiting, dialRaw(t, p))
			}
			if runtime.GOOS == "linux" {
				for _, args := range [][]string{nil, {"--path", "/ping"}, {"--status", "/status"}} {
					full := runPing(t, append(args, tooShort, p.target)...)
					wantLine(t, full, 1, "busy: connect "+p.listen+": ", "")
					if !strings.Contains(full.stderr, "full") {
						t.Errorf("got the hint %q", full.stderr)
					}
				}
				wantLine(t, runPing(t, "--live", tooShort, p.target), 0, "busy: ", "")
				wantLine(t, runPing(t, "--nagios", tooShort, p.target), nagiosCritical, "PING CRITICAL - busy: ", "'queue'=3;")
			}
			for _, conn := range waiting {
				conn.Close() // else the worker would wait for a request on each
			}
			finish()
			wantLine(t, runPing(t, "--wait=60s", enough, p.target), 0, "ok: FastCGI at "+p.listen, "")
		})
	}
}

// dialRaw makes a connection on which nothing is sent.
func dialRaw(t *testing.T, p *pool) net.Conn {
	t.Helper()
	conn, err := parse(t, p.target).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestPHPStopped: php-fpm has ended in good order, has been killed so that its socket is left over,
// and its master process is stopped while the workers are not.
func TestPHPStopped(t *testing.T) {
	p := startPHP(t, "unix", "pm.max_children = 1")
	p.cmd.Process.Signal(syscall.SIGSTOP)
	wantLine(t, runPing(t, enough, p.target), 0, "ok: FastCGI at "+p.listen, "")
	p.stop(t)
	wantHint(t, runPing(t, enough, p.target), "dead: connect "+p.listen+": no such file or directory", "is the application running")

	p = startPHP(t, "tcp", "pm.max_children = 1")
	p.stop(t)
	wantHint(t, runPing(t, enough, p.target), "dead: connect "+p.listen+": connection refused", "no program listens")

	stale := filepath.Join(webserver.Dir(t), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	wantHint(t, runPing(t, enough, "fastcgi+unix:"+stale), "dead: connect "+stale+": connection refused", "left over")
}
