package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

func onLinux(*testing.T, int, string) bool { return true }

// noServerLeft fails the test where a child of this process still runs.
func noServerLeft(t *testing.T) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(all) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			t.Errorf("left running: %.200q", text)
		}
	}
}

// underBound is how a bound fails on a busy machine, or under the race detector.
var underBound = regexp.MustCompile(`^(bench: )?(\S+ / \S+ is [0-9.]+, under its bound of [0-9.]+|.*: grew by more than [0-9]+ MB|.*, over the bound of [0-9]+)$`)

// quick runs a benchmark for a moment, and returns what it wrote. Its figures do not matter.
func quick(t *testing.T, args ...string) string {
	t.Helper()
	defer noServerLeft(t)
	status, out, errs := bench(args...)
	for line := range strings.Lines(errs) {
		if !underBound.MatchString(strings.TrimSpace(line)) {
			t.Fatalf("status %d\n%.2000s\n%.2000s", status, out, errs)
		}
	}
	return out
}

func wantRows(t *testing.T, out string, rows ...string) {
	t.Helper()
	for _, row := range rows {
		if !regexp.MustCompile(`(?m)^` + row + `$`).MatchString(out) {
			t.Errorf("no row %s in\n%.2000s", row, out)
		}
	}
}

const (
	figure = ` +[0-9]+`
	ratio  = ` +[0-9.]+ \[[0-9.]+, [0-9.]+\]`
)

func TestHello(t *testing.T) {
	out := quick(t, "hello", "-rounds", "2", "-time", "50ms", "-clients", "2", "-only", "constant,server")
	wantRows(t, out,
		`requests/s +constant +server`, `round 1`+figure+figure, `round 2`+figure+figure, `median`+figure+figure,
		`CPU ns each`+figure+figure, `ratio +by throughput +by CPU time +bound`, `server / constant`+ratio+ratio+` +at least 0\.65`)
}

// TestPart: all runs only the parts whose name has the text.
func TestPart(t *testing.T) {
	out := quick(t, "all", "-part", "each flushed", "-rounds", "1", "-size", "100000", "-only", "cgikit,net/http/fcgi")
	if n := strings.Count(out, "by throughput"); n != 1 || !strings.Contains(out, "FastCGI application: flush: ") {
		t.Errorf("%d tables in\n%.2000s", n, out)
	}
}

// TestEachConnection: responses end with their connection.
func TestEachConnection(t *testing.T) {
	out := quick(t, "scgi", "-rounds", "1", "-time", "50ms", "-clients", "2", "-only", "floor,scgi")
	wantRows(t, out, `round 1`+figure+figure, `scgi / floor`+ratio+ratio+` +at least 0\.80`)
}

func TestScripts(t *testing.T) {
	out := quick(t, "fcgiwrap", "-rounds", "1", "-time", "50ms", "-clients", "2", "-only", "fastcgi,scgi")
	wantRows(t, out, `requests/s +fastcgi +scgi`, `round 1`+figure+figure)
}

func TestSpawn(t *testing.T) {
	webserver.Find(t, "spawn-fcgi")
	webserver.Find(t, "cc")
	webserver.FindFile(t, "libfcgi", "/usr/include/fcgi_stdio.h")
	out := quick(t, "spawn", "-rounds", "1", "-time", "50ms", "-clients", "2")
	wantRows(t, out, `requests/s +spawn-fcgi +cgikit`, `round 1`+figure+figure, `cgikit / spawn-fcgi`+ratio+ratio+` +at least 0\.97`)
}

func TestRestart(t *testing.T) {
	out := quick(t, "restart", "-requests", "300", "-clients", "2", "-only", "cgikit")
	wantRows(t, out, `cgikit   all workers replaced: [0-9]+ times in [0-9]+ requests, 0 lost; a worker killed: [0-9]+ times in [0-9]+ requests, [0-9]+ lost`)
}

func TestGateways(t *testing.T) {
	out := quick(t, "gateway", "-rounds", "1", "-time", "50ms", "-clients", "2", "-only", "cgikit,trivial,gofast,net/http")
	wantRows(t, out, `requests/s +net/http +trivial +cgikit +gofast`, `round 1`+figure+figure+figure+figure)
}

func TestTransfer(t *testing.T) {
	out := quick(t, "transfer", "-size", "100000", "-only", "fastcgi-scgi,http-cgi")
	grew := ` out: grew by +-?[0-9.]+ MB for an upload of 0 MB, by +-?[0-9.]+ MB for a download`
	wantRows(t, out, `fastcgi  in, scgi    `+grew, `http     in, cgi     `+grew)
}

func TestFile(t *testing.T) {
	out := quick(t, "file", "-rounds", "1", "-size", "100000", "-only", "server,32KiB")
	wantRows(t, out, `over unix`, `over tcp`, `MB/s +server +32KiB`, `server / 32KiB.*`)
}

func TestMultiplex(t *testing.T) {
	out := quick(t, "multiplex", "-size", "200000")
	wantRows(t, out, `GET  64 x 200000 bytes: server .*`, `POST 64 x 200000 bytes: nethttp.Server .*`)
}

// TestIdle: a server that cannot have so many connections is listed, with the reason.
func TestIdle(t *testing.T) {
	out := quick(t, "idle", "-conns", "20", "-time", "20ms", "-clients", "2", "-only", "cgikit,trivial,uwsgi")
	wantRows(t, out, `left out: uwsgi: does not keep connections`, `20 connections, bytes each`, `cgikit +-?[0-9]+`, `trivial +-?[0-9]+`)
}

func TestLatency(t *testing.T) {
	out := quick(t, "latency", "-rounds", "1", "-time", "50ms", "-clients", "2", "-only", "cgikit,constant")
	row := `: p50 [0-9]+ us p99 [0-9]+ us p99\.9 [0-9]+ us, [0-9]+ of [0-9]+ requests/s`
	wantRows(t, out, `[0-9]+ requests/s are due`, `requests/s +cgikit +constant`, `cgikit`+row, `constant`+row)
}

// TestGrowth: each chart has a row for each number.
func TestGrowth(t *testing.T) {
	chart := filepath.Join(t.TempDir(), "chart.svg")
	out := quick(t, "growth", "-rounds", "1", "-time", "5ms", "-clients", "2", "-only", "cgikit,kept", "-svg", chart)
	value := ` +[0-9.]+ \[[0-9.]+, [0-9.]+\]`
	wantRows(t, out,
		`FastCGI application, variables of a request: CPU us of a request`, `variables +cgikit`, `10`+value, `1000`+value,
		`FastCGI application, requests at the same time on one connection: .*`, `1`+value, `3`+value,
		`fastcgi.Client, variables of a request: .*`, `variables +kept`, `1000`+value, `fastcgi.Client, requests at the same time: .*`)
	if text, err := os.ReadFile(chart); err != nil || strings.Count(string(text), "<circle") != (5+7)*2+4 {
		t.Errorf("%d marks, %v", strings.Count(string(text), "<circle"), err)
	}
}

// TestMissing: a peer that is not installed is named, and the others are measured.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	out := quick(t, "hello", "-rounds", "1", "-time", "20ms", "-only", "constant,libfcgi")
	wantRows(t, out, `left out: libfcgi: needs cc and libfcgi-dev: .*`, `requests/s +constant`, `round 1`+figure)
	if status, _, errs := bench("nginx"); status != 1 || !strings.HasPrefix(errs, "bench: left out: nginx: ") {
		t.Errorf("status %d, errors %.300q", status, errs)
	}
	noServerLeft(t)
}

// TestTrace reads two calls of one thread, the second of which another interrupted.
func TestTrace(t *testing.T) {
	got := parseTrace(`7 read(3<socket:[1]>, "abc", 4096) = 3
7 write(3<socket:[1]>, "d", 1 <unfinished ...>
8 read(4<socket:[2]>, 0x1, 4096) = -1 EAGAIN (Resource temporarily unavailable)
7 <... write resumed>) = 1
`)
	want := []call{{"read", `3<socket:[1]>, "abc", 4096`, 3}, {"read", `4<socket:[2]>, 0x1, 4096`, -1}, {"write", `3<socket:[1]>, "d", 1 `, 1}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

// TestAll runs the parts with this program's servers, and writes all three forms.
func TestAll(t *testing.T) {
	dir := t.TempDir()
	chart, data, table, page := filepath.Join(dir, "chart.svg"), filepath.Join(dir, "data.json"), filepath.Join(dir, "table.md"), filepath.Join(dir, "page.md")
	if err := os.WriteFile(page, []byte(strings.Join(readmeTable().HeadLines(), "\n")+"\n| old |\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := quick(t, "all", "-rounds", "1", "-time", "20ms", "-clients", "2", "-runs", "1", "-size", "100000", "-conns", "20", "-full",
		"-only", "cgikit,constant,net/http/fcgi,net/http,floor,scgi,fastcgi,empty,sendfile", "-json", data, "-svg", chart, "-markdown", table, "-readme", page)
	result := ` +[0-9.]+ \[[0-9.]+, [0-9.]+\]`
	wantRows(t, out,
		`FastCGI application, kept connections: hello: a small response`, `constant`+result+result+ratio+ratio,
		`FastCGI application, kept connections: post: .*`, `net/http/fcgi`+result+result+ratio+ratio,
		`HTTP in, FastCGI out, kept connections: hello: .*`, `net/http`+result+result+ratio+ratio,
		`SCGI application: .*`, `floor`+result+result+ratio+ratio, `CGI program: start to exit`, `empty`+result+result+ratio+ratio,
		`FastCGI application, kept connections: latency of hello in open loop, .*`,
		` +requests/s +CPU us each +p50, us +p99, us +p99.9, us +p50 by cgikit's +p99 by cgikit's +p99.9 by cgikit's`,
		`FastCGI application: idle connections, 20 at the same time`, `HTTP in, FastCGI out: idle connections, 20 at the same time`,
		`FastCGI application: stream: .*`, `FastCGI application: flush: .*`, `HTTP in, FastCGI out: stream: .*`,
		`FastCGI application over tcp: a large file`, `sendfile`+result+result+ratio+ratio)
	for _, path := range []string{chart, data, table, page} {
		if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "net/http/fcgi") {
			t.Errorf("%s: %.200q, %v", path, text, err)
		}
	}
}
