package fastcgi_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// childFile is the variable that makes TestStracedChild a server, and names the file that it sends.
const childFile = "CGIKIT_TEST_STRACED_FILE"

// TestStracedChild is the process that the tests below look at: it serves on an inherited socket
// until it is asked for /last.
func TestStracedChild(t *testing.T) {
	name := os.Getenv(childFile)
	if name == "" {
		t.Skip("it is called by the tests that look at it with strace")
	}
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &fastcgi.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		switch r.Environ.Get("REQUEST_URI") {
		case "/file":
			return sendFile(name)(w, r)
		case "/last":
			l.Close()
		}
		return hello(w, r)
	})}
	srv.Serve(l)
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// straced has talk speak to a server in a process of its own, and returns the calls that it made on
// sockets and on files.
func straced(t *testing.T, network, file string, talk func(c *client)) (calls []string) {
	t.Helper()
	strace := webserver.Find(t, "strace")
	dir := t.TempDir()
	addr := "127.0.0.1:0"
	if network == "unix" {
		short, err := os.MkdirTemp("", "fcgi")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(short) })
		addr = filepath.Join(short, "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lf, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	out := new(logBuffer)
	child := exec.Command(strace, "-ff", "-y", "-e", "trace=read,recvfrom,recvmsg,pread64,mmap,copy_file_range,write,writev,sendto,sendmsg,sendfile",
		"-o", filepath.Join(dir, "trace"), os.Args[0], "-test.run=^TestStracedChild$")
	child.Env = append(os.Environ(), childFile+"="+file)
	child.ExtraFiles = []*os.File{lf}
	child.Stdout, child.Stderr = out, out
	err = child.Start()
	lf.Close()
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, l.Addr())
	talk(c)
	c.send(get(1, 0, "/last")).whole(1)
	c.Close()
	if err := child.Wait(); err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	// one of each thread, so that no line is cut
	traces, err := filepath.Glob(filepath.Join(dir, "trace.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range traces {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, strings.Split(string(bytes.TrimSpace(text)), "\n")...)
	}
	return calls
}

// onSocket matches a call on a socket that gave or took something.
var onSocket = regexp.MustCompile(`^(\w+)\(\d+<(?:socket|UNIX|TCP)[^>]*>.* = [1-9]\d*$`)

// TestOneReadAndOneWrite counts the calls for small requests on a kept connection.
func TestOneReadAndOneWrite(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			const requests = 50
			calls := straced(t, network, os.DevNull, func(c *client) {
				for range requests {
					c.send(nginxHello()).whole(1)
				}
			})
			reads, writes := 0, 0
			for _, call := range calls {
				if m := onSocket.FindStringSubmatch(call); m == nil {
					continue
				} else if m[1] == "read" || strings.HasPrefix(m[1], "recv") {
					reads++
				} else {
					writes++
				}
			}
			if want := requests + 1; reads != want || writes != want { // and the last
				t.Errorf("%d reads and %d writes for %d requests\n%s", reads, writes, want, strings.Join(calls, "\n"))
			}
		})
	}
}

// TestFileIsNotRead has a file go out by sendfile(2), and no byte of it through the process.
func TestFileIsNotRead(t *testing.T) {
	const size = 5<<20 + 12345
	name := makeFile(t, size)
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			var got string
			calls := straced(t, network, name, func(c *client) { got = body(c.send(get(1, keepConn, "/file")).whole(1)) })
			if got != contentOf(t, name) {
				t.Errorf("got %d bytes, which are not those of the file", len(got))
			}
			sent := int64(0)
			for _, call := range calls {
				n := int64(0)
				if strings.HasPrefix(call, "sendfile") {
					fmt.Sscan(call[strings.LastIndex(call, "= ")+2:], &n)
					sent += max(n, 0)
				} else if strings.Contains(call, "<"+name+">") && !strings.HasSuffix(call, " = 0") { // which looks for more
					t.Errorf("the file was touched by %s", call)
				}
			}
			if sent != size {
				t.Errorf("sendfile sent %d bytes; want %d", sent, size)
			}
		})
	}
}
