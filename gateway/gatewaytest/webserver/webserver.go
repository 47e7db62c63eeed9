package webserver

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/testdata/conf"
)

// Config names the server to start and the application to start it for. Start reads it once.
type Config struct {
	// Template names the configuration, such as "nginx-fastcgi" or "lighttpd-cgi": a protocol file
	// of testdata/conf, without its suffix. The part before the first "-" is the server.
	Template string

	// Mount is the path prefix under which the application is reached: "", or such as "/app",
	// without a slash at the end.
	Mount string

	// Backend is the TCP or unix address of the application, for configurations that connect to
	// one. The server's workers may run as another user, who must have access to the socket: see
	// Dir.
	Backend net.Addr

	// Processes are the addresses of an application with several processes, for configurations that
	// balance the load.
	Processes []conf.Process

	// Program is the file that the server runs, for configurations that start one (CGI, and FastCGI
	// on file descriptor 0). It is linked or copied, under the same name, to a folder in which the
	// workers can execute it.
	Program string

	// Env is what the server adds to the environment of Program. Values must not have quotes.
	Env map[string]string

	// Stock uses nginx's stock parameters alone, which set no PATH_INFO and do not set SCRIPT_NAME
	// to the mount.
	Stock bool

	// Buffered keeps the server's default buffering. Otherwise bodies are streamed both ways, as
	// far as the server can. BufferRequest and BufferResponse do the same for one direction of
	// nginx-fastcgi.
	Buffered                      bool
	BufferRequest, BufferResponse bool

	// Offload is a folder from which the server sends a file that a response names: in
	// X-Accel-Redirect below /protected/ (nginx), or in X-Sendfile (lighttpd). The workers must be
	// able to read it: see Dir.
	Offload string

	// OwnPaths keeps the server's default interpretation of paths. Otherwise repeated slashes and
	// encoded slashes reach the application, as far as the server can.
	OwnPaths bool

	// Root and SplitPath are the folder of a site and the extensions of its scripts, such as
	// ".php", for configurations that end in "-php". The workers must be able to read the folder:
	// see Dir.
	Root      string
	SplitPath []string

	// KeepAlive makes nginx keep its FastCGI connections to the application, and HAProxy also
	// multiplex them.
	KeepAlive bool
}

// Server is a running web server. Its methods may be called from several goroutines at once.
type Server struct {
	// of the application: "http://127.0.0.1:34567/app", Mount included, without a slash at the end
	URL     string
	Addr    string // host:port, for tests that write a request's bytes
	Dir     string // the folder of the server's files
	Version string // such as "nginx/1.22.1"

	process      *process
	startsDaemon bool // besides the process: mod_cgid's
}

// Limits on waiting. A server on an idle machine is ready in 50 ms and gone in 200; a machine that
// runs other tests takes longer.
const (
	startLimit = 20 * time.Second
	stopLimit  = 10 * time.Second
	pause      = 5 * time.Millisecond // between two checks
	portTries  = 5
)

// errPortTaken means that another process took the port between the check that it was free and the
// start of the server.
var errPortTaken = errors.New("port taken")

// Start starts the server that c asks for and returns once it accepts connections; it is stopped
// when the test ends. It skips the test, or fails it, when the machine has no such server (see
// Find), and fails it when the server does not start. Call it from the test's own goroutine.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	return start(t, c, freePort)
}

func start(t testing.TB, c Config, pickPort func() (string, error)) *Server {
	t.Helper()
	if err := c.check(); err != nil {
		t.Fatalf("webserver: %v", err)
	}
	name := conf.Server(c.Template)
	binary := Find(t, name)
	version, err := Version(name)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Dir: Dir(t), Version: version, startsDaemon: strings.HasSuffix(c.Template, "-cgid")}
	data, err := prepare(c, s.Dir, binary)
	for try := 1; err == nil; try++ {
		if err = s.attempt(c, data, binary, pickPort); err == nil {
			t.Cleanup(func() { s.stop(t) })
			return s
		}
		if errors.Is(err, errPortTaken) && try < portTries {
			err = nil
		}
	}
	t.Fatalf("webserver: %s: %v\n%s", c.Template, err, Excerpt(s.ErrorLog()))
	return nil
}

// check finds mistakes in c that would otherwise look like a missing server, or show only in its
// log.
func (c Config) check() error {
	if !slices.Contains(conf.Names(), c.Template) {
		return fmt.Errorf("no template %q; there are %s", c.Template, strings.Join(conf.Names(), ", "))
	}
	ways := 0
	for _, set := range []bool{c.Backend != nil, len(c.Processes) > 0, c.Program != ""} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		return fmt.Errorf("%s: set one of Backend, Processes and Program", c.Template)
	}
	return nil
}

// ErrorLog returns what the server has logged so far, and what it and its children printed.
func (s *Server) ErrorLog() string {
	var all strings.Builder
	for _, name := range []string{"error.log", "output.log"} {
		text, err := os.ReadFile(filepath.Join(s.Dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintln(&all, err)
		}
		all.Write(text)
	}
	return all.String()
}

// prepare fills the server's folder and returns the data of its configuration, except the port.
func prepare(c Config, dir, binary string) (conf.Data, error) {
	d := conf.Data{
		Dir: dir, Mount: c.Mount, Processes: c.Processes, Env: c.Env, Stock: c.Stock, KeepAlive: c.KeepAlive, Offload: c.Offload,
		Buffered: c.Buffered, BufferRequest: c.BufferRequest, BufferResponse: c.BufferResponse,
		OwnPaths: c.OwnPaths, Root: c.Root, SplitPath: c.SplitPath,
		Include: conf.Includes(binary), Modules: conf.Modules(),
	}
	if c.Backend != nil {
		d.Network, d.Address = c.Backend.Network(), c.Backend.String()
	}
	if c.Program != "" {
		d.Program = filepath.Join(dir, "bin", filepath.Base(c.Program))
		if err := bringProgram(d.Program, c.Program); err != nil {
			return d, err
		}
	}
	var err error
	d.User, d.Group, err = chownToWorkers(dir)
	return d, err
}

// attempt starts the server once, on a new port.
func (s *Server) attempt(c Config, data conf.Data, binary string, pickPort func() (string, error)) error {
	addr, err := pickPort()
	if err != nil {
		return err
	}
	data.Listen = addr
	s.Addr, s.URL = addr, "http://"+addr+c.Mount
	var text bytes.Buffer
	if err := conf.Render(&text, c.Template, data); err != nil {
		return err
	}
	file := filepath.Join(s.Dir, "server.conf")
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		return err
	}
	s.process, err = startProcess(conf.Foreground(conf.Server(c.Template), binary, file, s.Dir), filepath.Join(s.Dir, "output.log"))
	if err != nil {
		return err
	}
	if err := s.ready(); err != nil {
		return errors.Join(err, s.process.stop(stopLimit))
	}
	return nil
}

// ready waits until the server accepts connections. A server writes its pid file once it listens,
// so the file shows that this server, and not another process, has the port.
func (s *Server) ready() error {
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); {
		if s.wrotePid() && accepts(s.Addr) && (!s.startsDaemon || s.daemonReady()) {
			return nil
		}
		select {
		case <-s.process.exited:
			return s.whyEnded()
		case <-time.After(pause):
		}
	}
	return fmt.Errorf("does not listen on %s after %s", s.Addr, startLimit)
}

// whyEnded returns errPortTaken if the server lost its port, which is worth another attempt.
// Servers log the text of the C library, which is also Go's.
func (s *Server) whyEnded() error {
	if strings.Contains(strings.ToLower(s.ErrorLog()), syscall.EADDRINUSE.Error()) {
		return fmt.Errorf("%s: %w", s.Addr, errPortTaken)
	}
	return fmt.Errorf("the process ended: %v", s.process.err)
}

func (s *Server) wrotePid() bool {
	text, err := os.ReadFile(filepath.Join(s.Dir, "pid"))
	return err == nil && strings.TrimSpace(string(text)) == strconv.Itoa(s.process.pid())
}

// daemonReady reports whether the daemon that starts programs for mod_cgid accepts connections.
// Apache does not wait for it, and answers 503 until the daemon's socket exists and belongs to the
// workers' user.
func (s *Server) daemonReady() bool {
	// the process id may follow the name; Glob fails only for a bad pattern
	sockets, _ := filepath.Glob(filepath.Join(s.Dir, "cgid.sock*"))
	return len(sockets) > 0 && sameOwner(sockets[0], s.Dir)
}

func accepts(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, startLimit)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// stop stops the server and, if the test failed, logs what the server logged.
func (s *Server) stop(t testing.TB) {
	if err := s.process.stop(stopLimit); err != nil {
		t.Errorf("webserver: %s: %v", s.Version, err)
	}
	if t.Failed() {
		t.Logf("%s logged:\n%s", s.Version, Excerpt(s.ErrorLog()))
	}
}

// Excerpt returns the last 60 lines of a log, each cut to 300 bytes: a failure prints no more.
func Excerpt(log string) string {
	const lines, columns = 60, 300
	all := strings.SplitAfter(log, "\n")
	if skipped := len(all) - lines; skipped > 0 {
		all[skipped-1] = fmt.Sprintf("(%d lines before)\n", skipped)
		all = all[skipped-1:]
	}
	for i, line := range all {
		if len(line) > columns {
			all[i] = fmt.Sprintf("%s... (%d bytes)\n", line[:columns], len(line))
		}
	}
	return strings.Join(all, "")
}

// freePort returns a loopback address with a free port. If another process takes the port before
// the server does, the server ends and Start tries again.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
