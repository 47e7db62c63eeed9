//go:build unix

package main

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// configText returns what "cgikit config" prints.
func configText(t *testing.T, args ...string) string {
	t.Helper()
	status, stdout, stderr := cgikit(append([]string{"config"}, args...)...)
	if status != 0 || stderr != "" {
		t.Fatalf("config %v: got exit status %d, %q", args, status, stderr)
	}
	return stdout
}

// setting returns the value of a line NAME=VALUE.
func setting(t *testing.T, text, name string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + name + `=(.*)$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no line %s= in %.1000s", name, text)
	}
	return m[1]
}

// TestUnitsServe runs the command of the service with the socket that the unit of the socket names,
// as systemd does.
func TestUnitsServe(t *testing.T) {
	t.Parallel()
	activate := webserver.Find(t, "systemd-socket-activate")
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	dir := webserver.Dir(t)
	script := filepath.Join(dir, "script")
	webserver.WriteProgram(t, script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nfrom the unit\\n'\n")
	for _, protocol := range []string{"fastcgi", "scgi", "http"} {
		socket := filepath.Join(dir, protocol)
		text := configText(t, "systemd", "--explain", "-l", protocol+"+unix:"+socket, "cgi:"+script)
		if got := setting(t, text, "ListenStream"); got != socket {
			t.Errorf("got ListenStream %q; want %q", got, socket)
		}
		run := strings.Fields(setting(t, text, "ExecStart"))
		run[0] = program // in a test the program is the test
		c := exec.Command(activate, append([]string{"-l", socket, "--fdname=" + setting(t, text, "FileDescriptorName")}, run...)...)
		stderr, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		readUntil(t, stderr, "Listening on")
		go io.Copy(io.Discard, stderr)
		status, stdout, errors := cgikit("ping", "--timeout", "30s", protocol+"+unix:"+socket)
		if status != 0 {
			t.Errorf("%s: got %d, %q, %q; want an answer of the service", protocol, status, stdout, errors)
		}
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
	}
}

// TestUnitsInPlaceOfFcgiwrap runs the command of the service with the socket, as systemd does, and
// runs scripts of both targets.
func TestUnitsInPlaceOfFcgiwrap(t *testing.T) {
	t.Parallel()
	activate := webserver.Find(t, "systemd-socket-activate")
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	dir := makeFiles(t, map[string]string{"a/x.cgi": showHome, "b.cgi": showHome, "c.cgi": showHome})
	socket := filepath.Join(dir, "s")
	text := configText(t, "fcgiwrap", "-l", "fastcgi+unix:"+socket, "cgi:"+dir+"/a", "cgi:"+dir+"/b.cgi")
	run := strings.Fields(setting(t, text, "ExecStart"))
	run[0] = program // in a test the program is the test
	options := []string{"-E", "PATH", "-E", "HOME=/var/www", "-l", setting(t, text, "ListenStream"), "--fdname=" + setting(t, text, "FileDescriptorName")}
	c := exec.Command(activate, append(options, run...)...)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}()
	readUntil(t, stderr, "Listening on")
	go io.Copy(io.Discard, stderr)
	for script, want := range map[string]string{"/a/x.cgi": "/var/www", "/b.cgi": "/var/www", "/c.cgi": "This file must not be run."} {
		status, stdout, errors := cgikit("request", "--timeout", "60s", "--script-filename", dir+script, "fastcgi+unix:"+socket, "/x")
		if strings.TrimSpace(stdout) != want {
			t.Errorf("%s: got %d, %q, %q; want %q", script, status, stdout, errors, want)
		}
	}
}

// showHome prints HOME.
const showHome = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s' \"$HOME\""

// words returns the commands of a text, each a list in JSON.
func words(t *testing.T, text string) (lists [][]string) {
	t.Helper()
	for _, list := range regexp.MustCompile(`\["[^\]]*"\]`).FindAllString(text, -1) {
		var command []string
		if err := json.Unmarshal([]byte(list), &command); err != nil {
			t.Fatalf("%s: %v", list, err)
		}
		lists = append(lists, command)
	}
	return lists
}

// buildPing builds the probe.
func buildPing(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cgikit-ping")
	if out, err := exec.Command("go", "build", "-o", path, "../cgikit-ping").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	return path
}

// pingStatus runs the command of a probe, and returns its exit status.
func pingStatus(t *testing.T, ping string, command []string) int {
	t.Helper()
	if filepath.Base(command[0]) != "cgikit-ping" {
		t.Fatalf("got the command %q; want cgikit-ping", command)
	}
	c := exec.Command(ping, command[1:]...)
	if err := c.Run(); c.ProcessState == nil {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode()
}

// TestProbesOfContainers: each command of the texts for Docker and Kubernetes succeeds when the
// application answers. When nothing listens, each fails.
func TestProbesOfContainers(t *testing.T) {
	t.Parallel()
	ping := buildPing(t)
	alive := serveUntilEnd(t, "-l", "fastcgi+unix:"+filepath.Join(webserver.Dir(t), "s"), "demo:")
	dead := "fastcgi+unix:" + filepath.Join(t.TempDir(), "nothing")
	for _, server := range []string{"docker", "kubernetes", "kubernetes.pod"} {
		for target, want := range map[string]int{alive: 0, dead: 1} {
			commands := words(t, configText(t, server, "--explain", target))
			if len(commands) != map[string]int{"docker": 1}[server] && len(commands) != 3 {
				t.Errorf("%s: got %d commands", server, len(commands))
			}
			for _, command := range commands {
				if got := pingStatus(t, ping, command); got != want {
					t.Errorf("%s: %q: got exit status %d; want %d", server, command, got, want)
				}
			}
		}
	}
}

// serveUntilEnd runs "cgikit serve" until the test ends, and returns the address that it prints.
func serveUntilEnd(t *testing.T, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, append([]string{"serve"}, args...)...)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			t.Errorf("serve %v: %v", args, err)
		}
	})
	line := readUntil(t, stderr, "serving address=")
	go io.Copy(io.Discard, stderr)
	return strings.Fields(line[strings.Index(line, "serving address=")+len("serving address="):])[0]
}

// TestImageServes runs what the image for Docker with -l starts: its probe is healthy, and its
// signal ends it.
func TestImageServes(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	l.Close()
	text := configText(t, "docker", "-l", address, "demo:")
	lists := words(t, text)
	if len(lists) != 3 || !strings.Contains(text, "\nSTOPSIGNAL SIGTERM\n") {
		t.Fatalf("got %.2000s; want ENTRYPOINT, CMD, the probe and the signal", text)
	}
	start := slices.Concat(lists[0], lists[1])
	if start[0] != "/usr/local/bin/cgikit" || start[1] != "serve" {
		t.Fatalf("got the command %q", start)
	}
	serveUntilEnd(t, start[2:]...)
	if got := pingStatus(t, buildPing(t), lists[2]); got != 0 {
		t.Errorf("%q: got exit status %d; want 0", lists[2], got)
	}
}

// TestPodIsYAML: the probes stand in the container, with their times.
func TestPodIsYAML(t *testing.T) {
	type probe struct {
		Exec             struct{ Command []string }
		PeriodSeconds    int `yaml:"periodSeconds"`
		TimeoutSeconds   int `yaml:"timeoutSeconds"`
		FailureThreshold int `yaml:"failureThreshold"`
	}
	var pod struct {
		Kind string
		Spec struct {
			Containers []struct {
				Startup   probe `yaml:"startupProbe"`
				Liveness  probe `yaml:"livenessProbe"`
				Readiness probe `yaml:"readinessProbe"`
			}
		}
	}
	for _, flag := range []string{"--full", "--explain"} {
		text := configText(t, "kubernetes", "--full", flag)
		if err := yaml.Unmarshal([]byte(text), &pod); err != nil || pod.Kind != "Pod" || len(pod.Spec.Containers) != 1 {
			t.Fatalf("got %+v, %v; want a pod with a container", pod, err)
		}
		c := pod.Spec.Containers[0]
		for _, p := range []probe{c.Startup, c.Liveness, c.Readiness} {
			if len(p.Exec.Command) == 0 || p.PeriodSeconds == 0 || p.FailureThreshold == 0 || p.TimeoutSeconds <= 2 {
				t.Errorf("%s: got %+v; want a command, and longer than its --timeout of 2s", flag, p)
			}
		}
	}
}

// TestConfigWritesNoFile: only --test writes files, into a temporary folder.
func TestConfigWritesNoFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	configText(t, "nginx", "--full")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got files %v, %v", left, err)
	}
}
