package request

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// peer accepts connections and handles each by serve, which gets what was sent up to a pause. It
// returns its address.
func peer(t *testing.T, serve func(nc net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				serve(nc)
				nc.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// say answers the first bytes that come, and reads on to the end of the connection.
func say(answer string) func(net.Conn) {
	return func(nc net.Conn) {
		nc.Read(make([]byte, 64<<10))
		io.WriteString(nc, answer)
		nc.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, nc)
	}
}

// record is a FastCGI record of request 1.
func record(kind wire.RecordType, content string) string {
	return string(wire.AppendRecord(nil, kind, 1, []byte(content)))
}

func end(app uint32, status wire.ProtocolStatus) string {
	return string(wire.AppendEndRequest(nil, 1, wire.EndRequest{AppStatus: app, ProtocolStatus: status}))
}

// ask runs a request for a target, and returns its outputs.
func ask(t *testing.T, name string, change func(*Request)) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	r := &Request{Target: newTarget(t, name), Streams: Streams{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs}}
	if change != nil {
		change(r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err = r.Run(ctx)
	return out.String(), errs.String(), err
}

// TestAnswers: answers over FastCGI that no server of this module gives, each with its status, its
// line and its hint.
func TestAnswers(t *testing.T) {
	const head = "Content-Type: text/plain\r\n\r\n"
	tests := []struct {
		name, answer string
		status       int
		text, hint   string // parts of them
	}{
		{"whole", record(wire.TypeStdout, head+"body") + end(3, 0), 0, "", ""},
		{"error stream", record(wire.TypeStderr, "oops\n") + record(wire.TypeStdout, head+"body") + end(0, 0), 0, "", ""},
		{"overloaded", end(5, wire.Overloaded), StatusNothingCame, "FCGI_OVERLOADED, appStatus 5", "no room"},
		{"cannot multiplex", end(0, wire.CannotMultiplex), StatusNothingCame, "FCGI_CANT_MPX_CONN", "at a time"},
		{"unknown role", end(0, wire.UnknownRole), StatusNothingCame, "FCGI_UNKNOWN_ROLE", "--role responder"},
		{"no head", end(0, 0), StatusNothingCame, "the answer is empty", ""},
		{"bad head", record(wire.TypeStdout, "Warning: x\nmore") + end(0, 0), StatusNotProtocol, `it begins "Warning: x\nmore"`, "a blank line must follow"},
		{"output before the head", record(wire.TypeStdout, "debug\n"+head+"x") + end(0, 0), StatusNotProtocol, `it begins "debug\n`, "must be the first output"},
		{"within the head", record(wire.TypeStdout, "Content-Ty"), StatusCutOff, "cut off within its head", ""},
		{"no end", record(wire.TypeStdout, head+"body"), StatusCutOff, "cut off after 4 bytes", ""},
		{"short", record(wire.TypeStdout, "Content-Length: 10\r\n\r\nbody") + end(0, 0), StatusCutOff, "cut off after 4 bytes", ""},
		{"http", "HTTP/1.1 400 Bad Request\r\n\r\n", StatusNotProtocol, `it begins "HTTP/1.1 400`, "HTTP is spoken"},
		{"scgi", "Content-Type: text/plain\r\n\r\nhello", StatusNotProtocol, `it begins "Content-Type`, "SCGI is spoken"},
		{"ssh", "SSH-2.0-OpenSSH_9.2\r\n", StatusNotProtocol, `the answer is not FastCGI: record of version 83`, ""},
		{"other record", record(wire.TypeParams, "x"), StatusNotProtocol, "record of type 4", ""},
		{"another request", string(wire.AppendRecord(nil, wire.TypeStdout, 9, []byte("x"))), StatusNotProtocol, "of request 9", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, err := ask(t, "fastcgi://"+peer(t, say(tt.answer)), nil)
			if got := cli.Status(err); got != tt.status {
				t.Fatalf("got status %d, %v; want %d", got, err, tt.status)
			}
			if err == nil {
				if stdout != "body" || strings.Contains(tt.answer, "oops") != (stderr == "oops\n") {
					t.Errorf("got %q, %q", stdout, stderr)
				}
				return
			}
			if !strings.Contains(err.Error(), tt.text) || !strings.Contains(cli.Hint(err), tt.hint) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, hint %q; want %q and %q on one line", err, cli.Hint(err), tt.text, tt.hint)
			}
		})
	}
}

// TestForeignAnswers: what other protocols than FastCGI make of servers that speak first or oddly.
func TestForeignAnswers(t *testing.T) {
	tests := []struct {
		name, protocol, answer string
		status                 int
		text                   string
	}{
		{"ssh to http", "http", "SSH-2.0-OpenSSH_9.2\r\n", StatusNotProtocol, `it begins "SSH-2.0`},
		{"ssh to scgi", "scgi", "SSH-2.0-OpenSSH_9.2\r\n\r\n", StatusNotProtocol, `it begins "SSH-2.0`},
		{"records to http", "http", record(wire.TypeStdout, "Content-Type: a/b\r\n\r\n") + end(0, 0), StatusNotProtocol, `it begins "\x01\x06`},
		{"http that breaks off", "http", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", StatusCutOff, "after 3 bytes"},
		{"head that breaks off", "http", "HTTP/1.1 200 OK\r\nContent-", StatusCutOff, "within its head"},
		{"scgi with a status line", "scgi", "HTTP/1.0 201 Created\r\nContent-Type: a/b\r\n\r\n", 0, ""},
		{"nothing", "scgi", "", StatusNothingCame, "closed without an answer"},
		{"nothing over http", "http", "", StatusNothingCame, "closed without an answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := ask(t, tt.protocol+"://"+peer(t, say(tt.answer)), nil)
			if got := cli.Status(err); got != tt.status || err != nil && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got status %d, %v; want %d with %q", got, err, tt.status, tt.text)
			}
		})
	}
}

// TestMemory: an answer and an error stream of any size take a bounded part of memory.
func TestMemory(t *testing.T) {
	const size = 64 << 20
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		if err := w.Start("200 OK"); err != nil {
			return err
		}
		_, err := io.Copy(w, io.LimitReader(zeros{}, size))
		return err
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fastcgi.Server{App: app}
	go s.Serve(l)
	defer s.Close()
	out := &counter{}
	r := &Request{Target: newTarget(t, "fastcgi://"+l.Addr().String()), Streams: Streams{Stdout: out, Stderr: io.Discard}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; out.n != size || allocated > size/4 {
		t.Errorf("got %d bytes, and %d bytes of memory allocated; want %d, and at most a quarter", out.n, allocated, size)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

// TestInterrupted: the end of the context by a signal is exit status 130, and the script of --php
// is gone.
func TestInterrupted(t *testing.T) {
	asked := make(chan struct{}, 1)
	address := peer(t, func(nc net.Conn) {
		nc.Read(make([]byte, 64<<10))
		asked <- struct{}{}
		io.Copy(io.Discard, nc)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	dir := t.TempDir()
	r := &Request{Target: newTarget(t, "fastcgi://"+address), Streams: Streams{Stdout: io.Discard, Stderr: io.Discard}}
	r.PHP, r.TempDir = "echo 1;", dir
	if err := r.Run(ctx); cli.Status(err) != cli.StatusInterrupted {
		t.Errorf("got %v; want exit status 130", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestStdinInterrupted: a wait for standard input ends with the context.
func TestStdinInterrupted(t *testing.T) {
	stdin, w := io.Pipe()
	defer w.Close() // ends the copy
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	r := &Request{Target: newTarget(t, "fastcgi://127.0.0.1:1"), Streams: Streams{Stdin: stdin, Stdout: io.Discard, Stderr: io.Discard}}
	r.Data = []Datum{{Binary, "@-"}}
	err := r.Run(ctx)
	if cli.Status(err) != StatusTimedOut || !strings.Contains(err.Error(), "standard input") {
		t.Errorf("got %v", err)
	}
	w.CloseWithError(errors.New("over"))
}

// TestOutputFails: an output that takes no more is exit status 23.
func TestOutputFails(t *testing.T) {
	address := peer(t, say(record(wire.TypeStdout, "Content-Type: a/b\r\n\r\nbody")+end(0, 0)))
	r := &Request{Target: newTarget(t, "fastcgi://"+address), Streams: Streams{Stdout: failing{}, Stderr: io.Discard}}
	err := r.Run(t.Context())
	if cli.Status(err) != StatusWriteFailed || !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }
