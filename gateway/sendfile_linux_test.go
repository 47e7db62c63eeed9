package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// unread is a file whose Read fails, so all bytes that arrive were sent by sendfile(2).
type unread struct {
	t *testing.T
	*os.File
}

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the file was read into user space")
	return 0, errors.New("not to be read")
}

// WriteTo hides os.File's, which io.Copy would prefer.
func (u unread) WriteTo(w io.Writer) (int64, error) { return 0, errors.New("not to be used") }

type end interface {
	io.Writer
	io.Closer
	syscall.Conn
}

// pairs are the kinds of Stdout of a gateway. The Go library uses no sendfile to a pipe, and none
// from an io.LimitedReader to a unix socket.
var pairs = []struct {
	name string
	open func(t *testing.T) (w end, r io.ReadCloser)
}{
	{"pipe", func(t *testing.T) (end, io.ReadCloser) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		return w, r
	}},
	{"unix", func(t *testing.T) (end, io.ReadCloser) {
		return connected(t, "unix", filepath.Join(t.TempDir(), "s"))
	}},
	{"tcp", func(t *testing.T) (end, io.ReadCloser) { return connected(t, "tcp", "127.0.0.1:0") }},
}

func connected(t *testing.T, network, address string) (end, io.ReadCloser) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return w.(end), r
}

func TestSendfileToEverything(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 100_000) // more than any buffer between the ends
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			for _, c := range []struct {
				name string
				n    int64
				want string
			}{
				{"whole", -1, content},
				{"limited", 1_000_001, content[:1_000_001]},
				{"nothing", 0, ""},
				{"more than there is", 2_000_000, content},
			} {
				t.Run(c.name, func(t *testing.T) {
					w, r := p.open(t)
					defer r.Close()
					received := make(chan string)
					go func() {
						b, _ := io.ReadAll(r)
						received <- string(b)
					}()
					waits := 0
					n, err := SendFile(w, unread{t, tempFile(t, content)}, c.n, func() error { waits++; return nil })
					w.Close()
					if got := <-received; got != c.want || n != int64(len(c.want)) || err != nil {
						t.Errorf("got %d bytes, sent %d, %v; want %d", len(got), n, err, len(c.want))
					}
					if c.n != 0 && waits == 0 {
						t.Error("before was never called")
					}
				})
			}
		})
	}
}

// TestSendfileMovesTheOffset: what follows a file sent by CopyN must be the file's next byte.
func TestSendfileMovesTheOffset(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f := tempFile(t, "0123456789")
	for _, n := range []int64{4, 3, -1} {
		if _, err := SendFile(w, unread{t, f}, n, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if got, _ := io.ReadAll(r); string(got) != "0123456789" {
		t.Errorf("got %q", got)
	}
}

// TestSendfileFallsBack: an O_APPEND file is a target that sendfile(2) refuses.
func TestSendfileFallsBack(t *testing.T) {
	out, err := os.OpenFile(filepath.Join(t.TempDir(), "out"), os.O_APPEND|os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	n, err := SendFile(out, tempFile(t, "0123456789"), 7, nil)
	got := make([]byte, 10)
	out.ReadAt(got, 0)
	if n != 7 || err != nil || !bytes.Equal(got[:7], []byte("0123456")) {
		t.Errorf("got %d, %v, %q", n, err, got)
	}
}

// turning is a target that accepts one sendfile(2), up to the room in its pipe, and refuses the
// next.
type turning struct {
	bytes.Buffer
	targets []*os.File
}

func (c *turning) SyscallConn() (syscall.RawConn, error) { return rawTurning{c}, nil }

// rawTurning is its syscall.RawConn.
type rawTurning struct{ *turning }

func (c rawTurning) Control(func(uintptr)) error   { return errors.ErrUnsupported }
func (c rawTurning) Read(func(uintptr) bool) error { return errors.ErrUnsupported }

func (c rawTurning) Write(f func(uintptr) bool) error {
	raw, err := c.targets[0].SyscallConn()
	if err != nil {
		return err
	}
	c.targets = c.targets[1:]
	return raw.Write(f)
}

// TestSendfileFallsBackHalfway: the copy begins where sendfile(2) stopped, and ends at the
// requested length.
func TestSendfileFallsBackHalfway(t *testing.T) {
	const size, limit = 1 << 20, 500_000
	content := strings.Repeat("0123456789abcdef", size/16)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	refusing, err := os.OpenFile(filepath.Join(t.TempDir(), "out"), os.O_APPEND|os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer refusing.Close()
	out := &turning{targets: []*os.File{w, refusing}}
	n, err := SendFile(out, tempFile(t, content), limit, nil)
	w.Close()
	sent, _ := io.ReadAll(r)
	if got := string(sent) + out.String(); n != limit || err != nil || got != content[:limit] || len(sent) == 0 || out.Len() == 0 {
		t.Errorf("got %d, %v: %d bytes sent and %d copied; want %d in all", n, err, len(sent), out.Len(), limit)
	}
}

func TestSendfileToAPeerThatLeft(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			w, r := p.open(t)
			defer w.Close()
			r.Close()
			var err error
			for range 100 { // TCP tells on a later call
				if _, err = SendFile(w, tempFile(t, "0123456789"), -1, nil); err != nil {
					break
				}
			}
			if !PeerGone(err) {
				t.Errorf("got %v; want an error of a peer that is gone", err)
			}
		})
	}
}

func TestSendfileObeysTheDeadline(t *testing.T) {
	for _, p := range pairs[1:] {
		t.Run(p.name, func(t *testing.T) {
			w, r := p.open(t)
			defer w.Close()
			defer r.Close()
			w.(net.Conn).SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			_, err := SendFile(w, tempFile(t, strings.Repeat("x", 16<<20)), -1, nil)
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v; want os.ErrDeadlineExceeded", err)
			}
		})
	}
}

func TestSendfileStopsWhenToldTo(t *testing.T) {
	stop := errors.New("stop")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if n, err := SendFile(w, tempFile(t, "abc"), -1, func() error { return stop }); n != 0 || err != stop {
		t.Errorf("got %d, %v; want stop", n, err)
	}
}

// TestSendfileOfProc: files in /proc report a size of 0.
func TestSendfileOfProc(t *testing.T) {
	want, err := os.ReadFile("/proc/self/cmdline")
	if err != nil || len(want) == 0 {
		t.Fatalf("/proc/self/cmdline: got %q, %v", want, err)
	}
	for _, method := range []string{"GET", "HEAD"} {
		f, err := os.Open("/proc/self/cmdline")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		h := &BaseCGIHandler{Environ: environ("REQUEST_METHOD", method), Stdout: w}
		got := runHandler(h, func(w ResponseWriter, r *Request) error { _, err := io.CopyN(w, f, int64(len(want))); return err })
		w.Close()
		out, _ := io.ReadAll(r)
		if method == "HEAD" {
			want = nil
		}
		if !bytes.HasSuffix(out, append([]byte("200 OK\r\n\r\n"), want...)) || got.err != nil {
			t.Errorf("%s: got %q, %v; want %q", method, out, got.err, want)
		}
	}
}
