package fastcgi_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// makeFile makes a file whose every part tells where it is.
func makeFile(t *testing.T, size int) (name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(pattern(0, size)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// pattern is what makeFile has at an offset: the number of each 512 bytes at their beginning.
func pattern(at, size int) string {
	b := make([]byte, (at+size+511)&^511)
	for i := 0; i < len(b); i += 512 {
		binary.BigEndian.PutUint64(b[i:], uint64(i)|1<<63)
	}
	return string(b[at : at+size])
}

func contentOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

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

// part is an App that answers with length bytes of the file from an offset on, between two pieces
// of text.
func part(name string, offset, length int64) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return err
		}
		io.WriteString(w, "<")
		if n, err := io.CopyN(w, f, length); n != length || err != nil {
			return fmt.Errorf("sent %d, %w", n, err)
		}
		if at, err := f.Seek(0, io.SeekCurrent); at != offset+length || err != nil {
			return fmt.Errorf("the offset is %d, %w", at, err)
		}
		_, err = io.WriteString(w, ">")
		return err
	}
}

// bothNetworks runs a test of each engine over each kind of socket, as they send files differently.
func bothNetworks(t *testing.T, app gateway.App, test func(t *testing.T, srv *server)) {
	bothEngines(t, func(t *testing.T) {
		t.Run("unix", func(t *testing.T) { test(t, start(t, &fastcgi.Server{App: app})) })
		t.Run("tcp", func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			test(t, startOn(t, l, &fastcgi.Server{App: app}))
		})
	})
}

// TestFile sends files of sizes about those at which the way of sending changes, whole and in part.
func TestFile(t *testing.T) {
	const record = 15 * 4096
	name := makeFile(t, 3*record+100)
	app := func(w gateway.ResponseWriter, r *gateway.Request) error {
		var offset, length int64
		fmt.Sscanf(r.Environ.Get("QUERY_STRING"), "%d+%d", &offset, &length)
		return part(name, offset, length)(w, r)
	}
	bothNetworks(t, gateway.AppFunc(app), func(t *testing.T, srv *server) {
		c := dial(t, srv.addr)
		for _, length := range []int{0, 1, 7, 16<<10 - 1, 16 << 10, 16<<10 + 1, record - 1, record, record + 1, 2*record + 5, 3*record + 33} {
			for _, offset := range []int{0, 1, 67} {
				query := fmt.Sprintf("%d+%d", offset, length)
				got := body(c.send(head(1, keepConn, "QUERY_STRING", query), rec(typeStdin, 1, "")).whole(1))
				if got != "<"+pattern(offset, length)+">" {
					t.Errorf("%s: got %d bytes, which are not those of the file", query, len(got))
				}
			}
		}
	})
}

// TestFileOfTheSystem has a size of 0, and content all the same.
func TestFileOfTheSystem(t *testing.T) {
	const name = "/proc/self/status"
	if !exists(name) {
		t.Skip("there is no " + name)
	}
	bothNetworks(t, sendFile(name), func(t *testing.T, srv *server) {
		if got := body(dial(t, srv.addr).send(get(1, 0, "/")).whole(1)); !strings.HasPrefix(got, "Name:\t") {
			t.Errorf("got %q", got)
		}
	})
}

func TestHeadOfFile(t *testing.T) {
	name := makeFile(t, 100_000)
	bothNetworks(t, gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Length", "100000")
		return sendFile(name)(w, r)
	}), func(t *testing.T, srv *server) {
		got := dial(t, srv.addr).send(head(1, 0, "REQUEST_METHOD", "HEAD"), rec(typeStdin, 1, "")).whole(1)
		if want := "Status: 200 OK\r\nContent-Length: 100000\r\n\r\n"; sorted(got) != want {
			t.Errorf("got %.200q; want %q", got, want)
		}
	})
}

// changing is a file whose size changes while it is sent: after a sender of records has asked for
// its size, or after a sender that copies has read some of it.
type changing struct {
	*os.File
	change func()
	asked  *int
}

// Stat tells the size before the change. The first to ask only wants to know what kind of file it
// is.
func (f changing) Stat() (os.FileInfo, error) {
	info, err := f.File.Stat()
	f.tick()
	return info, err
}

func (f changing) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.tick()
	return n, err
}

func (f changing) tick() {
	if *f.asked++; *f.asked == 2 {
		f.change()
	}
}

func openChanging(name string, change func()) (changing, error) {
	f, err := os.Open(name)
	return changing{f, change, new(int)}, err
}

// TestFileGrows sends what was added meanwhile, too, where all was asked for.
func TestFileGrows(t *testing.T) {
	bothNetworks(t, gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		name := makeFile(t, 100_000)
		f, err := openChanging(name, func() {
			if err := os.WriteFile(name, []byte(pattern(0, 250_000)), 0o600); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = w.(io.ReaderFrom).ReadFrom(f)
		return err
	}), func(t *testing.T, srv *server) {
		if got := body(dial(t, srv.addr).send(get(1, 0, "/")).whole(1)); got != pattern(0, 250_000) {
			t.Errorf("got %d bytes; want the 250,000 of the end", len(got))
		}
	})
}

// TestFileShrinks breaks that response and no other of its connection (see gateway.ResponseWriter).
func TestFileShrinks(t *testing.T) {
	const size, left = 500_000, 123_456
	release := make(chan struct{}, 1)
	app := func(w gateway.ResponseWriter, r *gateway.Request) error {
		if r.Environ.Get("REQUEST_URI") == "/other" {
			w.Flush()
			<-release
			return hello(w, r)
		}
		name := makeFile(t, size)
		f, err := openChanging(name, func() {
			if err := os.Truncate(name, left); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			return err
		}
		defer f.Close()
		w.Headers().Set("Content-Length", fmt.Sprint(size))
		_, err = w.(io.ReaderFrom).ReadFrom(f)
		release <- struct{}{}
		return err
	}
	bothNetworks(t, gateway.AppFunc(app), func(t *testing.T, srv *server) {
		c := dial(t, srv.addr).send(get(1, keepConn, "/other"))
		c.next() // its head
		c.send(get(2, keepConn, "/file"))
		var file, other, said string
		for {
			r, err := c.read()
			if errors.Is(err, errBroken) {
				break
			}
			switch {
			case err != nil:
				t.Fatal(err)
			case r.id == 1 && r.kind == typeStdout:
				other += r.content
			case r.kind == typeEnd && r.id == 2 || r.kind == typeStdout && r.id == 2 && r.content == "":
				t.Errorf("the file's response was ended with %+v", r)
			case r.kind == typeStdout:
				file += r.content
			case r.kind == typeStderr:
				said += r.content
			}
		}
		if differs(t, "FCGI_STDERR") {
			said = srv.log.String()
		}
		if said == "" {
			t.Error("nothing is said of the file")
		}
		if !strings.HasSuffix(other, "hello /other") {
			t.Errorf("the other request got %q", other)
		}
		if got := body(file); got == "" || len(got) >= size || got[:min(len(got), left)] != pattern(0, min(len(got), left)) {
			t.Errorf("got %d bytes of the file; want the %d that are left, at most", len(got), left)
		}
	})
}

// TestClientLeavesFile has a client that takes only the beginning.
func TestClientLeavesFile(t *testing.T) {
	name := makeFile(t, 20<<20)
	failed := make(chan error, 1)
	bothNetworks(t, gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		err := sendFile(name)(w, r)
		failed <- err
		return err
	}), func(t *testing.T, srv *server) {
		c := dial(t, srv.addr).send(get(1, keepConn, "/"))
		c.next()
		c.Close()
		if err := wait(t, failed, "the App"); !gateway.PeerGone(err) {
			t.Errorf("got %v; want an error that says that nobody is there", err)
		}
		if srv.stop(t); srv.log.lines() != 0 {
			t.Errorf("logged %q", srv.log)
		}
	})
}

// TestFileIsAborted has ABORT_REQUEST come while a file is sent: what is left of it is not.
func TestFileIsAborted(t *testing.T) {
	name := makeFile(t, 20<<20)
	failed := make(chan error, 1)
	srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		if r.Environ.Get("REQUEST_URI") == "/next" {
			return hello(w, r)
		}
		err := sendFile(name)(w, r)
		failed <- err
		return err
	})
	c := dial(t, srv.addr).send(get(1, keepConn, "/"))
	c.next()
	c.send(rec(typeAbort, 1, ""))
	if got := c.whole(1); len(got) >= 20<<20 {
		t.Errorf("all of the file came")
	}
	if err := wait(t, failed, "the App"); !gateway.PeerGone(err) {
		t.Errorf("got %v", err)
	}
	if got := body(c.send(get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
		t.Errorf("the next request got %q", got)
	}
}
