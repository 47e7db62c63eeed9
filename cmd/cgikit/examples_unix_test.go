//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/check"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/testdata/conf"
	"github.com/cgikit/cgikit/util"
)

// TestExamples runs each example that the help of a verb ends with, by a shell. The addresses and
// folders in it are replaced by those of the test: see neighbours. A verb that serves is ended by
// SIGTERM once it serves. Each line must end with the exit status 0.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, c := range verbs() {
		t.Run(c.Name(), func(t *testing.T) {
			t.Parallel()
			lines := strings.Split(c.Example, "\n")
			for _, line := range lines {
				t.Run(line, func(t *testing.T) {
					n := &neighbours{t: t, dir: webserver.Dir(t)}
					runExample(t, n.dir, n.replace(line))
				})
			}
		})
	}
}

// TestRecipes runs the lines of code of the README and of the recipes in the same way.
func TestRecipes(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"../../README.md", "../../.github/RECIPES.md", "../../.github/RTORRENT.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range regexp.MustCompile(`(?m)^    cgikit .*$`).FindAllString(string(text), -1) {
			t.Run(line, func(t *testing.T) {
				t.Parallel()
				n := &neighbours{t: t, dir: webserver.Dir(t)}
				runExample(t, n.dir, n.replace(line))
			})
		}
	}
}

// neighbours are what the examples name: applications, scripts and folders, in one folder.
type neighbours struct {
	t    *testing.T
	dir  string // open to all users, as php-fpm has another one
	echo bool   // applications are those of "cgikit serve echo:", which keep all rules
}

var (
	exampleComment = regexp.MustCompile(`\s{2,}#.*`)
	exampleListen  = regexp.MustCompile(`(-l |--listen )("?)([^\s"?]+)`)
	exampleTarget  = regexp.MustCompile(`\b(fastcgi|scgi|http)(?:\+unix:/run/|://127\.0\.0\.1:\d)[^\s"?/]*[^\s"?]*`)
	exampleProbe   = regexp.MustCompile(`^\s*cgikit ping `)
	exampleCheck   = regexp.MustCompile(`^\s*cgikit check `)
	exampleTrace   = regexp.MustCompile(`^(\s*cgikit trace )([a-z]+)(://\S+)(.*)`)
	exampleInPlace = regexp.MustCompile(`(--in-place )\S+`)
	exampleTest    = regexp.MustCompile(`^\s*cgikit config (\S+) .*--test`)
)

// examplePrograms are the CGI programs of Debian's packages that examples name, and the names by
// which tests require them.
var examplePrograms = map[string]string{
	"/usr/lib/git-core/git-http-backend": "git", "/usr/lib/cgit/cgit.cgi": "cgit", "/usr/share/gitweb/gitweb.cgi": "gitweb",
}

// replace returns an example with the addresses and folders of the test: where it listens, a socket
// or a free port; in the place of a FastCGI application php-fpm, of an SCGI or HTTP one an
// application of the test.
func (n *neighbours) replace(line string) string {
	line = exampleComment.ReplaceAllString(line, "")
	if m := exampleTest.FindStringSubmatch(line); m != nil {
		webserver.Find(n.t, m[1])
	}
	for file, name := range examplePrograms {
		if strings.Contains(line, file) {
			webserver.FindFile(n.t, name, file)
		}
	}
	n.writeSite()
	line = strings.NewReplacer("/srv/www", n.dir, "/usr/lib/cgi-bin", n.dir, "/fpm-status", "/status",
		"--user www-data", fmt.Sprint("--user ", os.Getuid()), "group=www-data", fmt.Sprint("group=", os.Getgid())).Replace(line)
	// the machine of the test may be busy
	line = exampleProbe.ReplaceAllString(line, "$0--timeout 60s ")
	n.echo = exampleCheck.MatchString(line)
	line = n.replaceTrace(line)
	var listening []string
	line = exampleListen.ReplaceAllStringFunc(line, func(s string) string {
		m := exampleListen.FindStringSubmatch(s)
		listening = append(listening, m[1]+m[2]+n.listenAt(m[3], len(listening)))
		return fmt.Sprintf("LISTEN%d", len(listening)-1)
	})
	line = exampleTarget.ReplaceAllStringFunc(line, func(s string) string {
		return n.start(exampleTarget.FindStringSubmatch(s)[1])
	})
	for i, address := range listening {
		line = strings.Replace(line, fmt.Sprintf("LISTEN%d", i), address, 1)
	}
	return line
}

// replaceTrace makes trace, which ends by Ctrl-C alone, end by itself, and gives it an address of
// its own and a live socket.
func (n *neighbours) replaceTrace(line string) string {
	if !strings.Contains(line, "cgikit trace ") {
		return line
	}
	line = regexp.MustCompile(` --timeout \S+`).ReplaceAllString(line, "") + " --timeout 100ms"
	if exampleInPlace.MatchString(line) {
		n.startPool()
		return exampleInPlace.ReplaceAllString(line, "${1}"+filepath.Join(n.dir, "pool.sock"))
	}
	own := filepath.Join(n.dir, "traced")
	m := exampleTrace.FindStringSubmatch(line)
	return m[1] + m[2] + "+unix:" + own + m[4]
}

// listenAt returns an address to listen on in the place of the one that is written: a socket with
// the same protocol, or a free port where no protocol is written.
func (n *neighbours) listenAt(address string, i int) string {
	protocol := regexp.MustCompile(`^[a-z]+`).FindString(address)
	if protocol == "" {
		return regexp.MustCompile(`:\d+$`).ReplaceAllString(address, ":0")
	}
	return fmt.Sprintf("%s+unix:%s", protocol, filepath.Join(n.dir, fmt.Sprint("listen", i)))
}

func (n *neighbours) writeSite() {
	script := "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello\\n'\n"
	webserver.WriteProgram(n.t, filepath.Join(n.dir, "hello.cgi"), script)
	if err := os.WriteFile(filepath.Join(n.dir, "index.php"), []byte("<?php echo 'hello';"), 0o644); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.dir, "file.torrent"), []byte("de"), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

// silent is the log of applications, which check makes fail on purpose.
var silent = slog.New(slog.DiscardHandler)

// start starts an application that speaks the protocol, and returns its address.
func (n *neighbours) start(protocol string) string {
	app := gateway.App(gateway.AppFunc(answerExample))
	if n.echo {
		app = check.Echo()
	}
	switch {
	case protocol == "fastcgi" && n.echo:
		s := &fastcgi.Server{App: app, ErrorLog: silent, Addr: "unix:" + filepath.Join(n.dir, "fastcgi")}
		return n.serve(s, "fastcgi+unix:"+filepath.Join(n.dir, "fastcgi"))
	case protocol == "fastcgi":
		return n.startPool()
	case protocol == "http" && n.echo:
		return n.startHTTP(app)
	case protocol == "scgi":
		s := &scgi.Server{App: app, ErrorLog: silent, Addr: "unix:" + filepath.Join(n.dir, "scgi")}
		return n.serve(s, "scgi+unix:"+filepath.Join(n.dir, "scgi"))
	}
	s := &httpapp.Server{App: app, ErrorLog: silent, Addr: "unix:" + filepath.Join(n.dir, "http")}
	return n.serve(s, "http+unix:"+filepath.Join(n.dir, "http"))
}

// startHTTP serves app over TCP, and returns its URL.
func (n *neighbours) startHTTP(app gateway.App) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	s := &httpapp.Server{App: app, ErrorLog: silent}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	n.t.Cleanup(func() { s.Close(); <-done })
	return "http://" + l.Addr().String()
}

// answerExample is healthy, and answers a call by XML-RPC as rTorrent does without downloads.
func answerExample(w gateway.ResponseWriter, r *gateway.Request) error {
	body, err := io.ReadAll(r.Stdin)
	if err != nil {
		return err
	}
	if bytes.Contains(body, []byte("<methodCall>")) {
		w.Headers().Set("Content-Type", "text/xml")
		_, err = io.WriteString(w, `<?xml version="1.0"?><methodResponse><params><param><value><array><data/></array></value></param></params></methodResponse>`)
		return err
	}
	w.Headers().Set("Content-Type", "text/plain")
	_, err = io.WriteString(w, "ok\n")
	return err
}

// serve runs a server until the test ends, and returns its address once it listens.
func (n *neighbours) serve(s interface {
	ListenAndServe() error
	Close() error
}, address string) string {
	done := make(chan error, 1)
	go func() { done <- s.ListenAndServe() }()
	n.t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, gateway.ErrServerClosed) {
			n.t.Error(err)
		}
	})
	n.waitForSocket(strings.SplitN(address, ":", 2)[1])
	return address
}

// waitForSocket waits until a server listens at a socket.
func (n *neighbours) waitForSocket(path string) {
	n.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			n.t.Fatalf("after %s: %v", patience, err)
		}
	}
}

// startPool runs php-fpm with the configuration of "cgikit config", and returns the address of its
// pool.
func (n *neighbours) startPool() string {
	binary := webserver.Find(n.t, "php-fpm8.2")
	address := "fastcgi+unix:" + filepath.Join(n.dir, "pool.sock")
	text := configText(n.t, "php-fpm", "--full", "--dir", n.dir, address+"?mode=0666")
	if os.Geteuid() != 0 { // only root can give the socket to another user
		text = regexp.MustCompile(`(?m)^listen\.(owner|group) = .*\n`).ReplaceAllString(text, "")
	}
	file := filepath.Join(n.dir, "php-fpm.conf")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		n.t.Fatal(err)
	}
	c := conf.Foreground("php-fpm", binary, file, n.dir)
	if err := c.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
	})
	status := filepath.Join(n.dir, "pool-status.sock")
	n.waitForSocket(status) // php-fpm makes it after that of the pool
	n.waitForIdle(status)
	return address
}

// waitForIdle waits until a pool has a second process: with a single one it is saturated by the
// request for its status.
func (n *neighbours) waitForIdle(status string) {
	n.t.Helper()
	client := &fastcgi.Client{Addr: "unix:" + status}
	defer client.Close()
	e := util.NewEnviron()
	for name, value := range map[string]string{"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/status", "SCRIPT_FILENAME": "/status"} {
		e.Set(name, value)
	}
	enough := regexp.MustCompile(`(?m)^idle processes: +[2-9]$`)
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		resp, err := client.RoundTrip(&gateway.Request{Environ: e, Stdin: gateway.NoBody})
		if err != nil {
			n.t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if enough.Match(page) {
			return
		}
		if time.Now().After(end) {
			n.t.Fatalf("after %s: %v, %.500q", patience, err, page)
		}
	}
}

// exampleServes is what a verb prints when it serves: one line for each address.
var exampleServes = regexp.MustCompile(`serving address=|open this address`)

// servedLines collects the output of an example, and calls ready after so many lines that say that
// it serves.
type servedLines struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wait  int
	ready func()
}

func (s *servedLines) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.text.Write(p)
	if s.wait > 0 && len(exampleServes.FindAll(s.text.Bytes(), s.wait)) == s.wait {
		s.wait = 0
		s.ready()
	}
	return n, err
}

// runExample runs a line in a folder, and wants the exit status 0.
func runExample(t *testing.T, dir, line string) {
	t.Helper()
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sh", "-c", "exec "+strings.TrimSpace(line)) // so that the signal reaches the verb
	c.Dir = dir
	c.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	out := &servedLines{wait: max(1, len(exampleListen.FindAllString(line, -1)))}
	out.ready = func() { c.Process.Signal(syscall.SIGTERM) }
	c.Stdout, c.Stderr = out, out
	if err := c.Run(); err != nil {
		t.Errorf("%s: %v\n%s", line, err, webserver.Excerpt(out.text.String()))
	}
}

// TestDocumentedCommandsParse: each line of the pages that begins with cgikit has a verb and flags
// that exist.
func TestDocumentedCommandsParse(t *testing.T) {
	seen := 0
	pages, err := filepath.Glob("../../.github/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range documentedCommands(string(text)) {
			seen++
			if err := parseCommand(command); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(page), command, err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("got %d commands; want those of the README and of the recipes", seen)
	}
	for _, bad := range []string{"cgikit spam", "cgikit serve --spam", "cgikit ping --timeout"} {
		if parseCommand(bad) == nil {
			t.Errorf("%q is taken for a command", bad)
		}
	}
}

var documented = regexp.MustCompile("(?m)^ {4,}(cgikit .*)$|`(cgikit [^`]+)`")

// documentedCommands returns the lines of code and the words in back quotes that are commands.
// A line that ends in a backslash continues in the next one.
func documentedCommands(page string) []string {
	var all []string
	page = regexp.MustCompile(`\\\n\s+`).ReplaceAllString(page, "")
	for _, m := range documented.FindAllStringSubmatch(page, -1) {
		command := exampleComment.ReplaceAllString(m[1]+m[2], "")
		all = append(all, strings.TrimSpace(command))
	}
	return all
}

// parseCommand reports a command line that the command would refuse for its verb or its flags.
func parseCommand(command string) error {
	words := splitWords(command)
	root := newRoot(&process{getenv: os.Getenv})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.InitDefaultVersionFlag()
	verb, rest, err := root.Find(words[1:])
	if err != nil {
		return err
	}
	if verb == root && !slices.Contains(words, "--version") && words[1] != "VERB" {
		return errors.New("there is no such verb")
	}
	if err = verb.ParseFlags(rest); errors.Is(err, pflag.ErrHelp) {
		return nil
	}
	return err
}

// splitWords splits a line as a shell does, up to what ends a command.
func splitWords(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`"[^"]*"|'[^']*'|[|;&>]+|[^\s"'|;&>]+`).FindAllString(line, -1) {
		if strings.ContainsAny(m[:1], "|;&>") {
			break
		}
		words = append(words, strings.Trim(m, `"'`))
	}
	return words
}
