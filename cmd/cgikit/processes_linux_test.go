package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/util"
)

// needRoot skips a test that must become another user.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can run a program as another user")
	}
}

// startSpawn runs "cgikit spawn" with args on a socket until the test ends.
func startSpawn(t *testing.T, socket string, args ...string) *monitored {
	t.Helper()
	return startLogged(t, append([]string{"spawn", "-l", "fastcgi+unix:" + socket, "-n", "1"}, args...)...)
}

// startLogged runs the command with args, without a terminal, until the test ends.
func startLogged(t *testing.T, args ...string) *monitored {
	t.Helper()
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	m := &monitored{Cmd: exec.Command(program, args...)}
	m.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stderr, err := m.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Process.Signal(syscall.SIGTERM) // an error means that it has ended
		m.Wait()
	})
	m.log = bufio.NewReader(stderr)
	return m
}

// identity is a shell command that prints the user, the groups, the folder and the limits.
const identity = `echo "user $(id -u) groups $(id -G) in $PWD cpu $(ulimit -H -t) memory $(ulimit -H -v) files $(ulimit -H -n)"`

// limitFlags are flags of limits, and limited is what identity prints of them.
var limitFlags = []string{"--cpu", "1500ms", "--memory", "512M", "--files", "77"}

const limited = " cpu 2 memory 524288 files 77"

// users are values of --user, and what identity prints for them.
func users(t *testing.T) map[string]string {
	all := map[string]string{"64321:64322": "user 64321 groups 64322", "64321": "user 64321 groups 64321"}
	if u, err := user.Lookup("www-data"); err == nil {
		out, err := exec.Command("id", "-G", "www-data").Output()
		if err != nil {
			t.Fatal(err)
		}
		all["www-data"] = "user " + u.Uid + " groups " + strings.TrimSpace(string(out))
	}
	return all
}

// TestScriptProcess: a CGI script has the user, the groups, the folder and the limits of the flags.
func TestScriptProcess(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := webserver.Dir(t)
	webserver.WriteProgram(t, filepath.Join(dir, "show"), "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; "+identity+"\n")
	for name, want := range users(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := startMonitored(t, append(limitFlags, "--user", name, "--chdir", "/", "cgi:"+dir)...)
			if _, got := getPage(t, m.site+"/show"); got != want+" in /"+limited+"\n" {
				t.Errorf("got %q; want %s", got, want)
			}
		})
	}
}

// TestClosedScript: one that the user may not run is found at the start, or is a 502 with a hint if
// it is one of a folder.
func TestClosedScript(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := webserver.Dir(t)
	script := filepath.Join(dir, "show")
	webserver.WriteProgram(t, script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n")
	if err := os.Chmod(script, 0o711); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		"cgi:" + script:   fmt.Sprintf("cgikit: --user 64321 may not read %q\n", script),
		"spawn:" + script: fmt.Sprintf("cgikit: --user 64321 may not read %q\n", script),
		"cgi:/root":       "cgikit: --user 64321 may not execute \"/root\"\n",
	} {
		out, err := exec.Command("cgikit", "serve", "-l", "http://127.0.0.1:0", "--user", "64321", target).CombinedOutput()
		if err == nil || !strings.HasPrefix(string(out), want+"hint: change the mode or the owner") {
			t.Errorf("%s: got %.500s, %v", target, out, err)
		}
	}
	if err := os.Chmod(script, 0o700); err != nil {
		t.Fatal(err)
	}
	m := startMonitored(t, "--user", "64321", "cgi:"+dir)
	if status, _ := getPage(t, m.site+"/show"); status != 502 {
		t.Errorf("got %d; want 502", status)
	}
	m.find(t, `(permission denied \(hint: the user as which the script runs must be allowed to execute it)`)
}

// TestScriptQueue: the metrics have the scripts that run, the requests that wait, and those that
// are refused.
func TestScriptQueue(t *testing.T) {
	t.Parallel()
	dir := webserver.Dir(t)
	closed := filepath.Join(dir, "closed")
	if err := os.WriteFile(closed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	webserver.WriteProgram(t, filepath.Join(dir, "wait"), "#!/bin/sh\nwhile [ -e closed ]; do sleep 0.01; done\nprintf 'Content-Type: text/plain\\n\\n'\n")
	m := startMonitored(t, "--concurrency", "1", "cgi:"+dir)
	const waiting = 128 // as many as may
	var clients sync.WaitGroup
	refused := make(chan bool, waiting+2)
	for range waiting + 2 {
		clients.Go(func() {
			resp, err := (&http.Client{Timeout: 2 * patience}).Get(m.site + "/wait")
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			refused <- resp.StatusCode == 503
		})
	}
	if !<-refused {
		t.Error("the first answer is not 503")
	}
	for _, want := range []string{"scripts_running{%s} 1", "scripts_queue{%s} 128", "scripts_started_total{%s} 1", "scripts_refused_total{%s} 1"} {
		line := "\ncgikit_" + fmt.Sprintf(want, `target="cgi:`+dir+`"`) + "\n"
		for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			_, body := getPage(t, m.metrics+"/metrics")
			if strings.Contains(body, line) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("no line %s in\n%.4000s", line, body)
			}
		}
	}
	if err := os.Remove(closed); err != nil {
		t.Error(err)
	}
	clients.Wait()
	close(refused)
	for is := range refused {
		if is {
			t.Error("a second answer is 503")
		}
	}
}

// TestWorkerProcess: a worker of "cgikit spawn" has the user, the groups, the folder and the limits
// of the flags.
func TestWorkerProcess(t *testing.T) {
	t.Parallel()
	needRoot(t)
	all := users(t)
	for name, want := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := startSpawn(t, filepath.Join(webserver.Dir(t), "s"), append(limitFlags, "--user", name, "--chdir", "/", "--", "sh", "-c", identity+"; exec sleep 1000")...)
			if got := m.find(t, `worker \d+: (.*)\n`); got != want+" in /"+limited {
				t.Errorf("got %q; want %s", got, want)
			}
		})
	}
	t.Run("group", func(t *testing.T) {
		t.Parallel()
		m := startSpawn(t, filepath.Join(webserver.Dir(t), "s"), "--group", "64322", "--", "sh", "-c", "id -u; id -G; exec sleep 1000")
		if got := m.find(t, `worker \d+: (.*)\n`) + m.find(t, `worker \d+: (.*)\n`); got != "064322" {
			t.Errorf("got %q; want user 0 in the group 64322 alone", got)
		}
	})
}

// TestWorkerProcesses: --processes bounds the processes of a user that is not root.
func TestWorkerProcesses(t *testing.T) {
	t.Parallel()
	needRoot(t)
	m := startSpawn(t, filepath.Join(webserver.Dir(t), "s"), "--user", "64323", "--processes", "2", "--", "sh", "-c", "sleep 1000 & sleep 1000 & echo two more; wait")
	if got := m.find(t, `worker \d+: (.*)\n`); !strings.Contains(strings.ToLower(got), "fork") {
		t.Errorf("got %q; want that it cannot fork", got)
	}
}

// TestSignalPassedOn: SIGUSR1 reaches the workers, and ends nothing.
func TestSignalPassedOn(t *testing.T) {
	t.Parallel()
	m := startSpawn(t, filepath.Join(webserver.Dir(t), "s"), "--", "sh", "-c", `trap 'echo new log' USR1; echo begun; while :; do sleep 1000 & wait $!; done`)
	m.find(t, `worker \d+: (begun)\n`)
	for range 2 {
		if err := m.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		m.find(t, `worker \d+: (new log)\n`)
	}
}

// askPHP returns the body of a page of php-cgi, or the error.
func askPHP(t *testing.T, socket, page string) (string, error) {
	t.Helper()
	c := &fastcgi.Client{Addr: socket, MaxIdleConns: -1, ReadTimeout: patience, FirstByteTimeout: patience}
	defer c.Close()
	resp, err := c.RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{
		"REQUEST_METHOD": "GET", "SCRIPT_FILENAME": page, "SCRIPT_NAME": "/x.php", "REDIRECT_STATUS": "200",
	})})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// TestPHPLimits: php-cgi cannot compute or allocate more than the flags allow, and is replaced.
func TestPHPLimits(t *testing.T) {
	t.Parallel()
	php := webserver.Find(t, "php-cgi")
	dir := webserver.Dir(t)
	pages := make(map[string]string)
	for name, text := range map[string]string{
		"endless": "<?php set_time_limit(0); while (true);",
		"large":   "<?php ini_set('memory_limit', '-1'); $x = str_repeat('x', 1 << 30); echo 'all of it';",
		"small":   "<?php echo 'small';",
	} {
		pages[name] = filepath.Join(dir, name+".php")
		if err := os.WriteFile(pages[name], []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(dir, "s")
	m := startSpawn(t, socket, "--cpu", "1s", "--memory", "512M", "--", php)
	m.find(t, ` (serving) address`)
	addr := "fastcgi+unix:" + socket
	if got, err := askPHP(t, addr, pages["large"]); err == nil {
		t.Errorf("1 GB: got %.300q; want no answer", got)
	}
	m.find(t, `worker \d+: (Out of memory)`)
	if got, err := askPHP(t, addr, pages["endless"]); err == nil {
		t.Errorf("without end: got %.300q; want no answer", got)
	}
	m.find(t, `a worker has ended .* reason="(signal: .*)" age`)
	if got, err := askPHP(t, addr, pages["small"]); got != "small" {
		t.Errorf("then: got %q, %v", got, err)
	}
}

// TestSpawnTargetProcess: the program of a spawn: target of serve has the user and the limits too.
func TestSpawnTargetProcess(t *testing.T) {
	t.Parallel()
	needRoot(t)
	php := webserver.Find(t, "php-cgi")
	dir := webserver.Dir(t)
	page := `<?php echo file_get_contents('/proc/self/status'), file_get_contents('/proc/self/limits');`
	if err := os.WriteFile(filepath.Join(dir, "x.php"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	m := startMonitored(t, append(limitFlags, "--user", "64321:64322", "--root", dir, "--split-path", ".php", "spawn:"+php)...)
	_, got := getPage(t, m.site+"/x.php")
	for _, want := range []string{"\nUid:\t64321\t64321\t64321\t64321\n", "\nGid:\t64322\t64322\t64322\t64322\n", "\nGroups:\t \n", "\nMax open files            77 "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%.3000s", want, got)
		}
	}
}
