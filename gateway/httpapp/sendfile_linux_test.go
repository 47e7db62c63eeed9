package httpapp_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// sniffable is a file of which this process may read only the first left bytes. Only sendfile(2)
// may read the rest.
type sniffable struct {
	*os.File
	left int
}

var errRead = errors.New("the file was read into user space")

func (f *sniffable) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, errRead
	}
	n, err := f.File.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

// WriteTo and ReadAt hide the methods of os.File.
func (*sniffable) WriteTo(io.Writer) (int64, error)  { return 0, errRead }
func (*sniffable) ReadAt([]byte, int64) (int, error) { return 0, errRead }

// A file of known length is sent by sendfile(2), on unix sockets too. net/http copies 512 bytes to
// check that there are any. No other bytes pass through this process.
func TestFileIsNotRead(t *testing.T) {
	content := strings.Repeat("0123456789", 300_000)
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, network := range []string{"tcp", "unix"} {
		for _, n := range []int{len(content), 2_000_000} {
			t.Run(network+"/"+strconv.Itoa(n), func(t *testing.T) {
				sent := make(chan error, 1)
				s := serveOn(t, network, &httpapp.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
					err := sendSniffable(w, name, n, n == len(content))
					sent <- err
					return err
				})})
				status, body, err := s.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
				if sendErr := <-sent; sendErr != nil {
					t.Fatalf("sending: %v", sendErr)
				}
				if status != 200 || body != content[:n] || err != nil {
					t.Errorf("got %d, %d bytes, %v; want the file's first %d", status, len(body), err, n)
				}
			})
		}
	}
}

// sendSniffable answers with n bytes of a file, through an io.LimitedReader as io.CopyN does,
// unless n is the length of the file.
func sendSniffable(w gateway.ResponseWriter, name string, n int, whole bool) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w.Headers().Set("Content-Length", strconv.Itoa(n))
	var src io.Reader = &sniffable{f, 512}
	if !whole {
		src = io.LimitReader(src, int64(n))
	}
	_, err = w.(io.ReaderFrom).ReadFrom(src)
	return err
}
