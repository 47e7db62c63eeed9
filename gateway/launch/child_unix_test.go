//go:build unix

package launch

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// process is a running program: this test binary.
type process struct {
	*exec.Cmd
	stderr *logBook
}

// launch starts the program of that name with its own environment. The program is killed at the end
// of the test.
func launch(t *testing.T, name string, stdin *os.File, env ...string) *process {
	t.Helper()
	p := prepare(t, name, env...)
	if stdin != nil {
		p.Stdin = stdin
	}
	p.begin(t)
	return p
}

func prepare(t *testing.T, name string, env ...string) *process {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{exec.Command(path), newLogBook()}
	p.Stderr = p.stderr
	p.Env = append([]string{"PATH=/usr/bin:/bin", childVariable + "=" + name, "GORACE=atexit_sleep_ms=0"}, env...)
	return p
}

func (p *process) begin(t *testing.T) {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill() // an error means that it has ended already
		p.Wait()
	})
}

// end sends SIGTERM, and checks that the program exits with status 0.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Errorf("the program ended with %v. It said:\n%s", err, p.stderr)
	}
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// inheritable listens on a network, and returns the file that a child process inherits.
func inheritable(t *testing.T, network string) (net.Addr, *os.File) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return l.Addr(), f
}

// F33, F36: all protocols on the same inherited socket.
func TestInheritedSocket(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, way := range []string{"fd 0", "systemd"} {
			t.Run(way+" "+network, func(t *testing.T) {
				addr, file := inheritable(t, network)
				p := prepare(t, "plain")
				want := "descriptor 0 is a listening socket"
				if way == "fd 0" {
					p.Stdin = file
				} else {
					p.Env = append(p.Env, childVariable+"=systemd", "LISTEN_FDS=1")
					p.ExtraFiles = []*os.File{file}
					want = "systemd passed sockets"
				}
				p.begin(t)
				for _, protocol := range protocols {
					if got := ask(t, protocol, addr, "/x"); got != "path /x, body of 0" {
						t.Errorf("%s: got %q", protocol, got)
					}
				}
				p.end(t)
				if !strings.Contains(p.stderr.String(), want) {
					t.Errorf("the log is\n%swant it to say %q", p.stderr, want)
				}
			})
		}
	}
}

// F34: FCGI_WEB_SERVER_ADDRS applies to the socket that the web server passes.
func TestInheritedSocketForWebServersOnly(t *testing.T) {
	addr, file := inheritable(t, "tcp")
	p := launch(t, "plain", file, "FCGI_WEB_SERVER_ADDRS=127.0.0.1")
	if got := ask(t, "fastcgi", addr, "/x"); got != "path /x, body of 0" {
		t.Errorf("FastCGI: got %q", got)
	}
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write(request("http", "/x", ""))
	if got, _ := io.ReadAll(conn); len(got) > 0 {
		t.Errorf("HTTP: got %q; want no answer", got)
	}
	p.end(t)
}

func TestCGI(t *testing.T) {
	p := prepare(t, "plain", "REQUEST_METHOD=POST", "CONTENT_LENGTH=4", "PATH_INFO=/x", "CGIKIT_LISTEN=http://127.0.0.1:0")
	p.Args = append(p.Args, "-listen=http://127.0.0.1:0")
	p.Stdin = strings.NewReader("body")
	out, err := p.Output()
	if _, body, _ := strings.Cut(string(out), "\r\n\r\n"); err != nil || body != "path /x, body of 4" {
		t.Errorf("got %q, %v. Standard error:\n%s", out, err, p.stderr)
	}
}

// Terminals, containers, CI, ssh and supervisors start a program with different standard inputs.
func TestFallback(t *testing.T) {
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer other.Close()
	for name, stdin := range map[string]*os.File{"/dev/null": nil, "pipe": pipe, "one of a pair of sockets": onePair(t)} {
		t.Run(name, func(t *testing.T) {
			p := launch(t, "plain", stdin)
			if got := ask(t, "http", at(t, p.stderr.served(t)), "/x"); got != "path /x, body of 0" {
				t.Errorf("got %q", got)
			}
			p.end(t)
		})
	}
}

func TestListenVariable(t *testing.T) {
	p := launch(t, "plain", nil, "CGIKIT_LISTEN=scgi://127.0.0.1:0")
	if got := ask(t, "scgi", at(t, p.stderr.served(t)), "/x"); got != "path /x, body of 0" {
		t.Errorf("got %q", got)
	}
	p.end(t)
}

// F35
func TestSignalDrains(t *testing.T) {
	for _, signal := range []syscall.Signal{
		syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGQUIT, syscall.SIGHUP,
	} {
		for _, protocol := range protocols {
			t.Run(signal.String()+" "+protocol, func(t *testing.T) {
				addr, file := inheritable(t, "tcp")
				p := launch(t, "plain", file)
				g := newGate(t)
				body := hold(t, protocol, addr, g)
				p.signal(t, signal)
				p.stderr.await(t, "ending, requests under way may finish")
				g.open(t)
				if rest, err := io.ReadAll(body); string(rest) != "ended\n" || err != nil {
					t.Errorf("the rest of the answer is %q, %v; want all of it", rest, err)
				}
				if err := p.Wait(); err != nil {
					t.Errorf("the program ended with %v. It said:\n%s", err, p.stderr)
				}
			})
		}
	}
}

// The end of a context by the same signal does not count as a second signal.
func TestSignalOfTheContextDrains(t *testing.T) {
	addr, file := inheritable(t, "unix")
	p := launch(t, "notify-context", file)
	g := newGate(t)
	body := hold(t, "scgi", addr, g)
	p.signal(t, syscall.SIGTERM)
	p.stderr.await(t, "ending, requests under way may finish")
	g.open(t)
	if rest, err := io.ReadAll(body); string(rest) != "ended\n" || err != nil {
		t.Errorf("the rest of the answer is %q, %v; want all of it", rest, err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("the program ended with %v. It said:\n%s", err, p.stderr)
	}
}

// F35: the request stays under way, since its gate is never opened.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			addr, file := inheritable(t, "tcp")
			p := launch(t, "plain", file)
			body := hold(t, protocol, addr, newGate(t))
			p.signal(t, syscall.SIGTERM)
			p.stderr.await(t, "ending, requests under way may finish")
			p.signal(t, syscall.SIGINT)
			wantFailure(t, p, "launch: cut off requests under way: signal: interrupt")
			if rest, _ := io.ReadAll(body); strings.Contains(string(rest), "ended") {
				t.Errorf("the rest of the answer is %q; want it cut off", rest)
			}
		})
	}
}

func TestDrainTimeoutEndsTheProcess(t *testing.T) {
	addr, file := inheritable(t, "unix")
	p := launch(t, "short-drain", file)
	hold(t, "fastcgi", addr, newGate(t))
	p.signal(t, syscall.SIGTERM)
	wantFailure(t, p, "launch: cut off requests under way: the timeout of 1ms is over")
}

func TestCannotServe(t *testing.T) {
	_, listening := inheritable(t, "tcp")
	addr, _ := inheritable(t, "tcp")
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	connection, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	for _, tt := range []struct {
		name  string
		stdin *os.File
		env   string
		want  string
	}{
		{"inetd", connection, "X=", "launch: descriptor 0 is a network connection, as inetd starts programs"},
		{"no protocol", nil, "CGIKIT_LISTEN=127.0.0.1:9000", "has no protocol: write http, fastcgi, scgi or auto"},
		{"where it is from", nil, "CGIKIT_LISTEN=x", "CGIKIT_LISTEN says where to listen"},
		{"not inherited", nil, "CGIKIT_LISTEN=scgi+fd:0", "descriptor 0 is not a socket"},
		{"web servers", listening, "FCGI_WEB_SERVER_ADDRS=::::", `FCGI_WEB_SERVER_ADDRS contains "::::", which is not an IP address`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantFailure(t, launch(t, "plain", tt.stdin, tt.env), tt.want)
		})
	}
}

// wantFailure checks that the program ends by itself with status 1 and prints text.
func wantFailure(t *testing.T, p *process, said string) {
	t.Helper()
	var exit *exec.ExitError
	if err := p.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(p.stderr.String(), said) {
		t.Errorf("the program ended with %v and said\n%swant status 1 and %q", err, p.stderr, said)
	}
}
