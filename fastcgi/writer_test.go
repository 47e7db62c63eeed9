package fastcgi

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// pipeWriter is a writer over a pipe, which holds nothing, the far end of that, and what the writer
// said of its failure.
func pipeWriter(t *testing.T, timeout time.Duration) (w *writer, far net.Conn, failures *[]bool) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { far.Close() })
	failures = new([]bool)
	w = &writer{nc: near, socket: transport.NewSocket(near), timeout: timeout,
		failed: func(err error, late bool) { *failures = append(*failures, late) }}
	return w, far, failures
}

// recordOf is a record of STDOUT, cut into its header and its content.
func recordOf(content string) (header, rest []byte) {
	all := wire.AppendPadded(nil, wire.TypeStdout, 1, []byte(content), 0)
	return all[:wire.HeaderSize], all[wire.HeaderSize:]
}

// The peer reads a part of a record, and reads on after WriteTimeout: then it gets the rest of that
// record and the mark.
func TestWriterGivesUp(t *testing.T) {
	header, content := recordOf("0123456789")
	record := slices.Concat(header, content)
	for _, c := range []struct {
		name  string
		taken int // bytes, at first
		send  func(w *writer) error
		want  []byte // but for the mark
	}{
		{"send", 13, func(w *writer) error { return w.send(record) }, record},
		{"sendAll", 31, func(w *writer) error { return w.sendAll(&net.Buffers{record, header, content, header, content}) }, slices.Concat(record, record)},
		{"sendStart", 21, func(w *writer) error { return w.sendStart(slices.Concat(record, header), 10) }, slices.Concat(record, header, make([]byte, 10))},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, far, failures := pipeWriter(t, time.Second)
				got := make([]byte, c.taken)
				all := make(chan []byte)
				go func() {
					io.ReadFull(far, got)
					// of a pipe, what it took until the first look is progress
					time.Sleep(9*time.Second/8 + abortTime/2)
					rest, _ := io.ReadAll(far)
					all <- slices.Concat(got, rest)
				}()
				began := time.Now()
				if err := c.send(w); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("got %v; want a deadline", err)
				}
				if took := time.Since(began); took < time.Second || took > 2*time.Second {
					t.Errorf("took %v", took)
				}
				if got, want := <-all, append(c.want, breakMark...); !bytes.Equal(got, want) {
					t.Errorf("the peer got %q; want %q", got, want)
				}
				if !slices.Equal(*failures, []bool{true}) {
					t.Errorf("failures: %v; want one, which was late", *failures)
				}
				for _, again := range []error{w.send(record), w.sendAll(&net.Buffers{record}), w.sendStart(record, 0)} {
					if !gateway.PeerGone(again) {
						t.Errorf("after that: got %v; want an error that says that the peer has gone", again)
					}
				}
			})
		})
	}
}

// The rest of a record after a part of the slices was written.
func TestUnfinished(t *testing.T) {
	header, content := recordOf("0123456789")
	for _, c := range []struct {
		name       string
		left, want net.Buffers
	}{
		{"nothing", nil, nil},
		{"before a header", net.Buffers{header, content}, nil},
		{"within a header", net.Buffers{header[3:], content, header, content}, net.Buffers{header[3:], content}},
		{"behind a header", net.Buffers{content, header, content}, net.Buffers{content}},
		{"within a content", net.Buffers{content[1:]}, net.Buffers{content[1:]}},
	} {
		if got := unfinished(c.left); !slices.EqualFunc(got, c.want, bytes.Equal) {
			t.Errorf("%s: got %q; want %q", c.name, got, c.want)
		}
	}
}

// abort ends a write under way, whatever its deadline was: the peer takes a byte and no more.
func TestWriterAborts(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Hour} {
		w, far, failures := pipeWriter(t, timeout)
		done := make(chan error)
		go func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			done <- w.send([]byte("record"))
		}()
		io.ReadFull(far, make([]byte, 1))
		go w.abort()
		if err := <-done; !gateway.PeerGone(err) {
			t.Errorf("got %v; want an error that says that the peer has gone", err)
		}
		w.mu.Lock()
		if !slices.Equal(*failures, []bool{false}) {
			t.Errorf("failures: %v; want one, which was not for a peer that was late", *failures)
		}
		w.mu.Unlock()
	}
}

// A writer that was idle shows the break, and one whose side is closed does not: the response was
// whole.
func TestWriterAbortsIdle(t *testing.T) {
	for _, closed := range []bool{false, true} {
		w, far, _ := pipeWriter(t, 0)
		want := breakMark
		if closed {
			w.err, want = io.ErrClosedPipe, ""
		}
		go w.abort()
		if got, _ := io.ReadAll(far); string(got) != want {
			t.Errorf("closed %t: the peer got %q; want %q", closed, got, want)
		}
	}
}

func TestZeroBytes(t *testing.T) {
	for _, n := range []int64{0, 1, int64(len(zeros)), int64(len(zeros)) + 1, 3*int64(len(zeros)) + 7} {
		if got := bytes.Join(zeroBytes(n), nil); int64(len(got)) != n || len(bytes.Trim(got, "\x00")) > 0 {
			t.Errorf("got %d bytes; want %d zeros", len(got), n)
		}
	}
}
