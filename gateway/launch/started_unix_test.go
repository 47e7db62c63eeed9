//go:build unix

package launch

import (
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

var update = flag.Bool("update", false, "write testdata/environ/launch-*.txt from the servers on this machine")

// start makes a server or tool start the program with the variables of env, sends one request to
// the program, and returns the answer and the version of the server.
type start func(t *testing.T, program string, env map[string]string) (answer, version string)

var starts = map[string]start{
	"lighttpd-bin-path":             startProgramBy("lighttpd-fastcgi-spawn"),
	"apache2-mod_fcgid":             startProgramBy("apache2-fastcgi-spawn"),
	"lighttpd-mod_cgi":              startProgramBy("lighttpd-cgi"),
	"apache2-mod_cgi":               startProgramBy("apache2-cgi"),
	"apache2-mod_cgid":              startProgramBy("apache2-cgid"),
	"lighttpd-fcgiwrap":             startByFcgiwrap,
	"spawn-fcgi-tcp":                startBySpawnFcgi("tcp"),
	"spawn-fcgi-unix":               startBySpawnFcgi("unix"),
	"cgi-fcgi-start":                startByCgiFcgi,
	"systemd-socket-activate":       startBySystemd,
	"systemd-socket-activate-inetd": startBySystemdInetd,
	"shell-without-stdin":           startWithoutStdin,
	"shell-in-a-terminal":           startInTerminal,
}

// TestStartedBy makes every server and tool on this machine start the program, which must detect
// how to serve, and answer. TestDetectCaptured checks the same from recorded evidence, on machines
// without the servers.
func TestStartedBy(t *testing.T) { // F33, F36
	t.Parallel()
	for _, s := range starters {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(webserver.Dir(t), "evidence")
			writeForAll(t, file)
			answer, version := starts[s.name](t, executable(t), map[string]string{
				childVariable: "plain", evidenceVariable: file, "GORACE": "atexit_sleep_ms=0",
			})
			e := readEvidence(t, file)
			if got := Detect(e); got.Mode != s.mode {
				t.Errorf("saw %+v\nand made of it %+v; want %s", e, got, s.mode)
			}
			if want := "path /x, body of 0"; answer != want && s.mode != Unusable {
				t.Errorf("answered %q; want %q", answer, want)
			}
			if *update {
				if err := writeCaptured(s.name, version, e); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// writeForAll creates a file that the program can write as another user.
func writeForAll(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
}

func readEvidence(t *testing.T, file string) Evidence {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var e Evidence
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatalf("the program has not written what it saw: %v", err)
	}
	return e
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// startProgramBy makes a server start the program by its configuration.
func startProgramBy(template string) start {
	return func(t *testing.T, program string, env map[string]string) (answer, version string) {
		if strings.HasPrefix(template, "apache2") && strings.HasSuffix(template, "-spawn") {
			needFcgid(t)
		}
		s := webserver.Start(t, webserver.Config{Template: template, Mount: "/app", Program: program, Env: env})
		return get(t, s.URL+"/x"), s.Version + ", " + template + ".tmpl"
	}
}

// needFcgid skips the test where Apache was installed without the module.
func needFcgid(t *testing.T) {
	t.Helper()
	places, _ := filepath.Glob("/usr/l*/*/modules/mod_fcgid.so") // the pattern is valid
	if len(places) == 0 && !strings.Contains(os.Getenv("CGIKIT_REQUIRE"), "apache2") {
		t.Skip("Apache's mod_fcgid is not to be had")
	}
}

// startByFcgiwrap makes fcgiwrap start the program, whose path below the document root lighttpd
// sends.
func startByFcgiwrap(t *testing.T, program string, env map[string]string) (answer, version string) {
	wrap := webserver.Find(t, "fcgiwrap")
	socket := filepath.Join(webserver.Dir(t), "fcgiwrap")
	background(t, env, wrap, "-s", "unix:"+socket)
	addr := &net.UnixAddr{Net: "unix", Name: socket}
	awaitListener(t, addr)
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	s := webserver.Start(t, webserver.Config{Template: "lighttpd-fastcgi", Mount: "/app", Backend: addr})
	if err := exec.Command("cp", program, filepath.Join(s.Dir, "app")).Run(); err != nil {
		t.Fatal(err)
	}
	return get(t, s.URL+"/x"), firstVersion(t, wrap, "-h") + " behind " + s.Version
}

func startBySpawnFcgi(network string) start {
	return func(t *testing.T, program string, env map[string]string) (answer, version string) {
		spawn := webserver.Find(t, "spawn-fcgi")
		args, addr := []string{"-n"}, freeAddress(t, network)
		switch a := addr.(type) {
		case *net.UnixAddr:
			args = append(args, "-s", a.Name)
		case *net.TCPAddr:
			args = append(args, "-a", a.IP.String(), "-p", port(addr))
		}
		background(t, env, spawn, append(args, "--", program)...)
		awaitListener(t, addr)
		return ask(t, "fastcgi", addr, "/x"), firstVersion(t, spawn, "-v")
	}
}

// startByCgiFcgi makes cgi-fcgi of the FastCGI developer's kit start the program. cgi-fcgi leaves
// the program running, so the test stops it by its process id.
func startByCgiFcgi(t *testing.T, program string, env map[string]string) (answer, version string) {
	bridge := webserver.Find(t, "cgi-fcgi")
	addr := freeAddress(t, "unix")
	cmd := command(env, bridge, "-start", "-connect", addr.String(), program)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	awaitListener(t, addr)
	answer = ask(t, "fastcgi", addr, "/x")
	left, err := os.FindProcess(readEvidence(t, env[evidenceVariable]).PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := left.Signal(os.Interrupt); err != nil {
		t.Errorf("the program: %v", err)
	}
	return answer, "cgi-fcgi of libfcgi"
}

// startBySystemd uses systemd-socket-activate, so that systemd's own code sets the variables.
func startBySystemd(t *testing.T, program string, env map[string]string) (answer, version string) {
	activate := webserver.Find(t, "systemd-socket-activate")
	addr := freeAddress(t, "unix")
	background(t, env, activate, append(settings(env), "--listen="+addr.String(), program)...)
	awaitListener(t, addr)
	return ask(t, "http", addr, "/x"), firstVersion(t, activate, "--version")
}

// startBySystemdInetd makes systemd-socket-activate start one process for a connection, which is
// its standard input.
func startBySystemdInetd(t *testing.T, program string, env map[string]string) (answer, version string) {
	activate := webserver.Find(t, "systemd-socket-activate")
	addr := freeAddress(t, "tcp")
	background(t, env, activate, append(settings(env), "--listen="+addr.String(), "--inetd", "--accept", program)...)
	conn := connect(t, addr)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	said, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("the program does not end: %v", err)
	}
	return string(said), firstVersion(t, activate, "--version") + ", --inetd --accept"
}

// startWithoutStdin closes descriptor 0. The Go runtime then opens /dev/null as descriptor 0.
func startWithoutStdin(t *testing.T, program string, env map[string]string) (answer, version string) {
	log := background(t, env, webserver.Find(t, "sh"), "-c", `exec "$0" <&-`, program)
	return ask(t, "http", at(t, log.served(t)), "/x"), `sh -c 'exec "$0" <&-'`
}

// startInTerminal starts the program in a terminal.
func startInTerminal(t *testing.T, program string, env map[string]string) (answer, version string) {
	script := webserver.Find(t, "script")
	log := background(t, env, script, "-qec", program, os.DevNull)
	return ask(t, "http", at(t, log.served(t)), "/x"), "script of " + firstVersion(t, script, "--version")
}

// command prepares a command with an environment as small as that of a service.
func command(env map[string]string, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// settings returns the arguments by which systemd-socket-activate passes on variables.
func settings(env map[string]string) []string {
	var list []string
	for name, value := range env {
		list = append(list, "--setenv="+name+"="+value)
	}
	return list
}

// background runs a tool in its own process group, which the end of the test stops by SIGTERM. It
// returns the output.
func background(t *testing.T, env map[string]string, name string, args ...string) *logBook {
	t.Helper()
	cmd, log := command(env, name, args...), newLogBook()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // an error means that it has ended
		kill := time.AfterFunc(patience, func() {
			t.Errorf("%s does not end", name)
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		})
		defer kill.Stop()
		cmd.Wait() // the exit status after SIGTERM differs
		if t.Failed() {
			t.Logf("%s said:\n%s", name, log)
		}
	})
	return log
}

// freeAddress returns an address that was free a moment ago.
func freeAddress(t *testing.T, network string) net.Addr {
	t.Helper()
	if network == "unix" {
		return &net.UnixAddr{Net: "unix", Name: filepath.Join(webserver.Dir(t), "s")}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr()
}

func port(addr net.Addr) string {
	_, p, _ := net.SplitHostPort(addr.String())
	return p
}

// awaitListener waits until a connection is accepted.
func awaitListener(t *testing.T, addr net.Addr) {
	t.Helper()
	connect(t, addr).Close()
}

// connect tries until it is accepted.
func connect(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial(addr.Network(), addr.String())
		if err == nil {
			return conn
		}
		if time.Now().After(deadline) {
			t.Fatalf("no program listens: %v", err)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}

// firstVersion returns the version that a tool prints. Some tools exit with an error then.
func firstVersion(t *testing.T, tool, option string) string {
	t.Helper()
	out, _ := exec.Command(tool, option).CombinedOutput()
	version := regexp.MustCompile(`[a-z-]+ (version |v)?[0-9][0-9.]+`).FindString(string(out))
	if version == "" {
		t.Errorf("%s %s tells no version: %.100q", tool, option, out)
	}
	return version
}
