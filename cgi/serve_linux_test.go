package cgi_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// TestServeSendfile: DESIGN section 3 rule 8. The file goes by sendfile(2) and is never read, to
// the pipe of mod_cgi and lighttpd and to the unix socket of mod_cgid.
func TestServeSendfile(t *testing.T) {
	strace := webserver.Find(t, "strace")
	file, content := testFile(t)
	for _, kind := range []string{"pipe", "socket"} {
		t.Run(kind, func(t *testing.T) {
			ours, theirs := streams(t, kind)
			defer ours.Close()
			trace := filepath.Join(t.TempDir(), "trace")
			c := prepare(t, "file", "TEST_FILE="+file)
			c.Path, c.Args = strace, []string{strace, "-f", "-y", "-o", trace, "-e", "trace=read,pread64,sendfile", c.Path}
			c.Stdout = theirs
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			theirs.Close()
			out, err := io.ReadAll(ours)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Wait(); err != nil || !bytes.HasSuffix(out, append([]byte("\r\n\r\n"), content...)) {
				t.Fatalf("got %d bytes, %v; want a head and the file", len(out), err)
			}
			if sent, read := calls(t, trace, file); sent == 0 || read > 0 {
				t.Errorf("got %d calls of sendfile and %d of read; want only sendfile", sent, read)
			}
		})
	}
}

// streams returns the two ends of what is to be standard output.
func streams(t *testing.T, kind string) (ours, theirs *os.File) {
	t.Helper()
	var fds [2]int
	var err error
	if kind == "pipe" {
		err = syscall.Pipe2(fds[:], syscall.O_CLOEXEC)
	} else {
		fds, err = syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fds[0]), kind), os.NewFile(uintptr(fds[1]), kind)
}

// calls counts the system calls that took bytes out of the file.
func calls(t *testing.T, trace, file string) (sent, read int) {
	t.Helper()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		switch {
		case !strings.Contains(line, "<"+file+">"):
		case strings.Contains(line, "sendfile("):
			sent++
		default:
			read++
		}
	}
	return sent, read
}
