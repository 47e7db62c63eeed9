package scgi

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

const (
	bigFile     = 50 << 20
	childSocket = "CGIKIT_TEST_SENDFILE_SOCKET"
	childFile   = "CGIKIT_TEST_SENDFILE_FILE"
)

// sendFile is an App that answers with the file of that name.
func sendFile(name string) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	}
}

func makeBigFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "big")
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * i >> 7)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range bigFile >> 20 {
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

func hashOf(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func hashOfFile(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return hashOf(t, f)
}

// fetch asks for the file and returns the hash of the body.
func fetch(t *testing.T, c net.Conn) string {
	t.Helper()
	defer c.Close()
	const head = "Status: 200 OK\r\n\r\n"
	got := make([]byte, len(head))
	if _, err := io.WriteString(c, request("")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, got); err != nil || string(got) != head {
		t.Fatalf("got the head %q, %v", got, err)
	}
	return hashOf(t, c)
}

func TestBigFileArrives(t *testing.T) {
	name := makeBigFile(t)
	want := hashOfFile(t, name)
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: sendFile(name), WriteTimeout: 10 * time.Second})
		if got := fetch(t, s.dial()); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	})
}

// A file goes out by sendfile(2), and no byte of it through this process.
func TestBigFileIsNotRead(t *testing.T) {
	t.Parallel()
	webserver.Find(t, "strace")
	bothNetworks(t, func(t *testing.T, network string) {
		t.Parallel()
		name := makeBigFile(t)
		trace := filepath.Join(t.TempDir(), "trace")
		l := listenOn(t, network)
		defer l.Close()
		lf, err := l.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		child := exec.Command("strace", "-f", "-y", "-e", "trace=sendfile,read,pread64,copy_file_range,mmap", "-o", trace,
			os.Args[0], "-test.run=^TestSendfileChild$")
		child.Env = append(os.Environ(), childSocket+"=3", childFile+"="+name)
		child.ExtraFiles = []*os.File{lf}
		out := new(logBook)
		child.Stderr = out
		err = child.Start()
		lf.Close()
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(30 * time.Second))
		if got, want := fetch(t, c), hashOfFile(t, name); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
		if err := child.Wait(); err != nil {
			t.Fatalf("child: %v\n%s", err, out)
		}
		checkTrace(t, trace, name)
	})
}

func checkTrace(t *testing.T, trace, name string) {
	t.Helper()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var sent int64
	sendfile := regexp.MustCompile(`sendfile.*= (\d+)$`)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if m := sendfile.FindStringSubmatch(line); m != nil {
			var n int64
			fmt.Sscan(m[1], &n)
			sent += n
		} else if strings.Contains(line, "<"+name+">") && !strings.Contains(line, "sendfile") {
			t.Errorf("the file was touched by %s", line)
		}
	}
	if sent != bigFile {
		t.Errorf("sendfile sent %d bytes; want %d", sent, bigFile)
	}
}

// TestSendfileChild is the process that TestBigFileIsNotRead looks at: it serves one request on an
// inherited socket.
func TestSendfileChild(t *testing.T) {
	if os.Getenv(childSocket) == "" {
		t.Skip("it is called by TestBigFileIsNotRead")
	}
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{}
	s.App = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		defer l.Close()
		return sendFile(os.Getenv(childFile))(w, r)
	})
	s.Serve(l)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}
