package cgi

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// newTestInput is the input of a request with these variables, its App running.
func newTestInput(t *testing.T, stdin io.Reader, maxSpool int64, vars ...string) *input {
	in := newInput(stdin, util.EnvironFromList(vars), maxSpool)
	in.wanted.Store(true)
	t.Cleanup(in.close)
	return in
}

// pattern makes n bytes in which no block is like its neighbour.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>16) ^ byte(i>>8) ^ byte(i)
	}
	return b
}

// TestInputSpool reads a part of a body, calls readRest, and reads the rest.
func TestInputSpool(t *testing.T) {
	const mem = spoolMemory
	tests := []struct {
		name     string
		length   int
		first    int // bytes read before readRest
		maxSpool int64
		kept     int
		file     bool
	}{
		{name: "empty", maxSpool: mem},
		{name: "all read", length: 10, first: 10, maxSpool: mem, kept: 0},
		{name: "memory", length: 100, first: 10, maxSpool: mem, kept: 90},
		{name: "memory, filled", length: mem, maxSpool: mem, kept: mem},
		{name: "file of one byte", length: mem + 1, maxSpool: 2 * mem, kept: mem + 1, file: true},
		{name: "file", length: 3*mem + 5, first: 7, maxSpool: 8 * mem, kept: 3*mem - 2, file: true},
		{name: "file, filled", length: 2 * mem, maxSpool: 2 * mem, kept: 2 * mem, file: true},
		{name: "over the bound in memory", length: 100, maxSpool: 99, kept: 99},
		{name: "over the bound at the memory's end", length: mem + 1, maxSpool: mem, kept: mem},
		{name: "over the bound in the file", length: 2*mem + 1, maxSpool: 2 * mem, kept: 2 * mem, file: true},
		{name: "no spool", length: 100, first: 10, maxSpool: -1, kept: 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := pattern(test.length)
			stdin := bytes.NewReader(append(body, "of another request"...))
			in := newTestInput(t, stdin, test.maxSpool, "CONTENT_LENGTH="+strconv.Itoa(test.length))
			if _, err := io.ReadFull(in, make([]byte, test.first)); err != nil {
				t.Fatal(err)
			}
			in.readRest()
			if stdin.Len() != len("of another request") {
				t.Errorf("got %d bytes left on standard input; want the other request's", stdin.Len())
			}
			if test.length == test.first {
				return // the gateway does not read past the body
			}
			got, err := io.ReadAll(in)
			if !bytes.Equal(got, body[test.first:][:test.kept]) {
				t.Errorf("got %d bytes; want %d", len(got), test.kept)
			}
			var tooLarge *gateway.BodyTooLargeError
			if over := test.first+test.kept < test.length; errors.As(err, &tooLarge) != over || !over && err != nil {
				t.Errorf("got error %v; want one: %t", err, over)
			}
			denyFiles(t)
			in = newTestInput(t, bytes.NewReader(body), test.maxSpool, "CONTENT_LENGTH="+strconv.Itoa(test.length))
			in.readRest()
			if _, err := io.ReadAll(in); errors.Is(err, os.ErrNotExist) != test.file {
				t.Errorf("got error %v where no file can be made; want it to need one: %t", err, test.file)
			}
		})
	}
}

// denyFiles lets no temporary file be made in this test.
func denyFiles(t *testing.T) {
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, t.TempDir()+"/missing")
	}
}

// TestInputUnwanted: once no App can read, a body costs neither memory nor disk.
func TestInputUnwanted(t *testing.T) {
	stdin := bytes.NewReader(pattern(2 * spoolMemory))
	in := newTestInput(t, stdin, 8*spoolMemory, "CONTENT_LENGTH=2097152")
	in.wanted.Store(false)
	in.readRest()
	if stdin.Len() != 0 || in.ahead.Len() != 0 {
		t.Errorf("got %d bytes unread, %d kept; want none", stdin.Len(), in.ahead.Len())
	}
}

// TestInputRest: how much readRest reads, for every CONTENT_LENGTH. A length that the gateway
// refuses is ignored.
func TestInputRest(t *testing.T) {
	tests := []struct {
		vars []string
		left int
	}{
		{[]string{}, 10},
		{[]string{"CONTENT_LENGTH="}, 10},
		{[]string{"CONTENT_LENGTH=0"}, 10},
		{[]string{"CONTENT_LENGTH=4"}, 6},
		{[]string{"CONTENT_LENGTH=100"}, 0},
		{[]string{"CONTENT_LENGTH=-4"}, 10},
		{[]string{"CONTENT_LENGTH=4x"}, 10},
		{[]string{"CONTENT_LENGTH=99999999999999999999"}, 10},
		{[]string{"HTTP_TRANSFER_ENCODING=gzip"}, 10},
		{[]string{"HTTP_TRANSFER_ENCODING=chunked"}, 0},
		{[]string{"HTTP_TRANSFER_ENCODING=chunked", "CONTENT_LENGTH=4"}, 6},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.vars, " "), func(t *testing.T) {
			stdin := bytes.NewReader(pattern(10))
			newTestInput(t, stdin, 100, test.vars...).readRest()
			if stdin.Len() != test.left {
				t.Errorf("got %d bytes left; want %d", stdin.Len(), test.left)
			}
		})
	}
}

// TestInputError: a body that breaks off gives what there was, and then the error.
func TestInputError(t *testing.T) {
	broken := errors.New("cut off")
	wrap := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader,
		"halves": iotest.HalfReader, "error beside the data": iotest.DataErrReader,
	}
	for name, reader := range wrap {
		t.Run(name, func(t *testing.T) {
			stdin := reader(io.MultiReader(strings.NewReader("begun"), iotest.ErrReader(broken)))
			in := newTestInput(t, stdin, 100, "CONTENT_LENGTH=10")
			in.readRest()
			if got, err := io.ReadAll(in); string(got) != "begun" || err != broken {
				t.Errorf("got %q, %v; want begun, %v", got, err, broken)
			}
		})
	}
}

// TestInputNoTemporaryFile: where no file can be made the memory's part is still there.
func TestInputNoTemporaryFile(t *testing.T) {
	denyFiles(t)
	stdin := bytes.NewReader(pattern(2 * spoolMemory))
	in := newTestInput(t, stdin, 8*spoolMemory, "CONTENT_LENGTH=2097152")
	in.readRest()
	if n, err := io.Copy(io.Discard, in); n != spoolMemory || !errors.Is(err, os.ErrNotExist) || stdin.Len() != 0 {
		t.Errorf("got %d bytes, %v, %d unread; want the memory's, file does not exist, 0", n, err, stdin.Len())
	}
}

// TestInputTwoGoroutines: an App may read in one goroutine and write in another.
func TestInputTwoGoroutines(t *testing.T) {
	body := pattern(3 * spoolMemory)
	in := newTestInput(t, bytes.NewReader(body), 8*spoolMemory, "CONTENT_LENGTH="+strconv.Itoa(len(body)))
	var wait sync.WaitGroup
	wait.Go(in.readRest)
	wait.Go(in.readRest)
	got, err := io.ReadAll(io.LimitReader(in, int64(len(body))))
	wait.Wait()
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("got %d bytes, %v; want the body", len(got), err)
	}
}

// TestInputLeftBehind: a goroutine that waits for standard input for ever does not keep the program
// from ending.
func TestInputLeftBehind(t *testing.T) {
	stdin, server := io.Pipe()
	in := newTestInput(t, stdin, 100, "CONTENT_LENGTH=10")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		in.Read(make([]byte, 10))
	}()
	server.Write([]byte("x")) // the goroutine has the lock, or has had it
	in.close()
	server.Close()
	<-ended
}

// TestOutputReadsRest: each way to write reads the rest of the body first. An nph response to
// HTTP/0.9 may begin with a file.
func TestOutputReadsRest(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ways := map[string]func(*output) error{
		"Write":    func(o *output) error { _, err := o.Write(nil); return err },
		"SendFile": func(o *output) error { _, err := o.SendFile(file, 0); return err },
	}
	for name, write := range ways {
		t.Run(name, func(t *testing.T) {
			stdin := strings.NewReader("body")
			o := &output{file: file, in: newTestInput(t, stdin, 100, "CONTENT_LENGTH=4")}
			if err := write(o); err != nil || stdin.Len() != 0 {
				t.Errorf("got %v, %d bytes of the body unread; want none", err, stdin.Len())
			}
		})
	}
}
