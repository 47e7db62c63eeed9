package main

import (
	"bufio"
	"debug/elf"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/scgi"
)

// image is the root file system of an image, unpacked into a folder.
type image struct {
	root, user  string
	start, ping []string // ENTRYPOINT with CMD, and HEALTHCHECK
}

var (
	copyPattern = regexp.MustCompile(`(?m)^COPY --from=cgikit /go/bin/cgikit /go/bin/cgikit-ping (/\S+/)$`)
	userPattern = regexp.MustCompile(`(?m)^FROM scratch\n(?:.*\n)*?USER (\S+)$`)
)

// buildImage does what the Dockerfile of "cgikit config docker -l" says. The programs are static,
// since nothing else is in the image.
func buildImage(t *testing.T, listen, target string) *image {
	t.Helper()
	webserver.Find(t, "unshare")
	if os.Getuid() != 0 {
		t.Skip("unshare: only root changes the root folder")
	}
	text := configText(t, "docker", "-l", listen, target)
	to, user, lists := copyPattern.FindStringSubmatch(text), userPattern.FindStringSubmatch(text), words(t, text)
	if to == nil || user == nil || len(lists) != 3 {
		t.Fatalf("got %.2000s; want FROM scratch with COPY, USER, ENTRYPOINT, CMD and HEALTHCHECK", text)
	}
	i := &image{root: webserver.Dir(t), user: user[1], start: slices.Concat(lists[0], lists[1]), ping: lists[2]}
	programs := filepath.Join(i.root, to[1])
	for _, dir := range []string{programs, filepath.Join(i.root, "spool")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", programs, ".", "../cgikit-ping")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	wantStatic(t, filepath.Join(programs, "cgikit"))
	wantStatic(t, filepath.Join(programs, "cgikit-ping"))
	return i
}

func wantStatic(t *testing.T, program string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Errorf("%s needs a dynamic linker", program)
		}
	}
}

// enterImage is a script that makes the folder $0 a read-only root, with a file system in memory at
// /spool, and runs a program there as user $1.
const enterImage = `set -e
mount --bind "$0" "$0"
mount -t tmpfs -o uid=65532,mode=0700 tmpfs "$0/spool"
mount -o remount,bind,ro "$0"
user=$1
shift
exec chroot --userspec="$user" "$0" "$@"
`

// command returns a command in the image, as a container runtime starts it.
func (i *image) command(args []string, env ...string) *exec.Cmd {
	c := exec.Command("unshare", append([]string{"--mount", "sh", "-c", enterImage, i.root, i.user}, args...)...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	return c
}

// run starts a command in the image, until the test ends. It returns the address that is served and
// the rest of the log.
func (i *image) run(t *testing.T, args []string, env ...string) (address string, log *bufio.Reader, c *exec.Cmd) {
	t.Helper()
	c = i.command(args, env...)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill() // an error means that it has ended
		c.Wait()
	})
	m := &monitored{log: bufio.NewReader(stderr)}
	return m.find(t, ` serving address=(http://\S+)/\n`), m.log, c
}

// TestImageInChroot runs the image of the Dockerfile, unpacked into a folder.
func TestImageInChroot(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	i := buildImage(t, "http://"+l.Addr().String(), "demo:")
	l.Close()
	t.Run("as the Dockerfile says", i.testStart)
	t.Run("without a folder for temporary files", i.testNoSpool)
	t.Run("with a folder for temporary files", i.testSpool)
}

// testStart: the image starts, its check succeeds, and its signal ends it.
func (i *image) testStart(t *testing.T) {
	address, _, c := i.run(t, i.start)
	if status, body := getPage(t, address+"/"); status != 200 || !strings.Contains(body, "cgikit") {
		t.Errorf("got %d, %.300s", status, body)
	}
	if out, err := i.command(i.ping).CombinedOutput(); err != nil {
		t.Errorf("HEALTHCHECK: %v, %.300s", err, out)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v; want exit status 0", err)
	}
}

// serveSlowApp returns the command line and the environment with which slowApp is served.
func (i *image) serveSlowApp(t *testing.T) (args, env []string) {
	t.Helper()
	return []string{i.start[0], "serve"}, []string{
		"CGIKIT_LISTEN=http://127.0.0.1:0", "CGIKIT_BUFFER_MEMORY=64k",
		"CGIKIT_TARGET=scgi://" + serveOn(t, &scgi.Server{App: slowApp, ErrorLog: quiet}),
	}
}

// testNoSpool: small requests work without a folder, a large one gets 503, and the log says why
// from the beginning.
func (i *image) testNoSpool(t *testing.T) {
	args, env := i.serveSlowApp(t)
	i.wantOutput(t, append(args, "--check"), env, 0, `^cgikit: no temporary file can be made, .* error="open /tmp/\S+ no such file or directory"\n`+
		`hint: name a folder by --spool-dir.*\nok: .*, and the target answers\n$`)
	address, log, _ := i.run(t, args, env...)
	if status, _ := getPage(t, address+"/"); status != 200 {
		t.Errorf("a small request: got %d", status)
	}
	if status, _ := sendLarge(t, address); status != 503 {
		t.Errorf("a large request: got %d; want 503", status)
	}
	(&monitored{log: log}).find(t, `(temporary file in ..?/tmp.*no such file or directory)`)
}

func (i *image) testSpool(t *testing.T) {
	args, env := i.serveSlowApp(t)
	i.wantOutput(t, args, append(env, "CGIKIT_SPOOL_DIR=/nowhere"), 2, `^cgikit: --spool-dir: open /nowhere/\S+: no such file or directory `+
		`\(from CGIKIT_SPOOL_DIR\)\nhint: the folder must exist`)
	address, _, _ := i.run(t, args, append(env, "CGIKIT_SPOOL_DIR=/spool")...)
	if status, body := sendLarge(t, address); status != 200 || body != "1000000" {
		t.Errorf("a large request: got %d, %.100s; want 200 and its size", status, body)
	}
}

// wantOutput runs a command in the image, which must end with a status and an output.
func (i *image) wantOutput(t *testing.T, args, env []string, status int, pattern string) {
	t.Helper()
	c := i.command(args, env...)
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	if c.ProcessState.ExitCode() != status || !regexp.MustCompile(pattern).Match(out) {
		t.Errorf("%v: got exit status %d, %.500s; want %d, %s", args, c.ProcessState.ExitCode(), out, status, pattern)
	}
}

// sendLarge sends a megabyte without its length.
func sendLarge(t *testing.T, address string) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Post(address+"/", "text/plain", io.LimitReader(zeros{}, 1_000_000))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
