package host_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/util"
)

// post returns a request with a body of unknown length.
func post(body io.Reader) *gateway.Request {
	return &gateway.Request{Environ: util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "POST"}), Stdin: body}
}

// TestSpool: at every size around MemoryBytes, the body is complete and CONTENT_LENGTH correct
// (C12, C13).
func TestSpool(t *testing.T) {
	for _, memory := range []int{-1, 0, 1, 16, 100} {
		for _, size := range []int{0, 1, 15, 16, 17, 99, 100, 101, 200_000} {
			dir, b := t.TempDir(), &recorder{}
			s := &host.Spool{Backend: b, MemoryBytes: memory, Dir: dir}
			sent := strings.Repeat("0123456789", size/10+1)[:size]
			resp, err := s.RoundTrip(post(iotest.HalfReader(strings.NewReader(sent))))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if b.body != sent || b.bodyErr != nil {
				t.Errorf("memory %d: got %d bytes, %v; want %d", memory, len(b.body), b.bodyErr, size)
			}
			b.want(t, "CONTENT_LENGTH", fmt.Sprint(size))
			if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
				t.Errorf("memory %d, size %d: got %v, %v; want an empty folder", memory, size, left, err)
			}
		}
	}
}

// TestSpoolLeavesAlone: a body of known length is passed on unchanged.
func TestSpoolLeavesAlone(t *testing.T) {
	b := &recorder{}
	s := &host.Spool{Backend: b, Dir: filepath.Join(t.TempDir(), "missing"), MemoryBytes: -1}
	r := post(nil)
	if _, err := s.RoundTrip(r); err != nil {
		t.Error(err)
	}
	b.want(t, "CONTENT_LENGTH", "-")
	known := post(strings.NewReader("abc"))
	known.Environ.Set("CONTENT_LENGTH", "3")
	if _, err := s.RoundTrip(known); err != nil || b.body != "abc" {
		t.Errorf("got %q, %v", b.body, err)
	}
	unknown := post(strings.NewReader("abc"))
	if _, err := s.RoundTrip(unknown); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v; want the missing folder", err)
	}
	if _, ok := unknown.Environ.Lookup("CONTENT_LENGTH"); ok {
		t.Error("the caller's environ was changed")
	}
}

// TestSpoolLimit: a body of exactly the limit passes, one byte more does not, declared or not
// (C47).
func TestSpoolLimit(t *testing.T) {
	for _, stream := range []bool{false, true} {
		for _, size := range []int{10, 11, 100_000} {
			for _, declared := range []bool{false, true} {
				b := &recorder{}
				s := &host.Spool{Backend: b, MaxBodyBytes: 10, MemoryBytes: 4, Stream: stream, Dir: t.TempDir()}
				r := post(strings.NewReader(strings.Repeat("x", size)))
				if declared {
					r.Environ.Set("CONTENT_LENGTH", fmt.Sprint(size))
				}
				_, err := s.RoundTrip(r)
				if err == nil {
					err = b.bodyErr // the backend gets the error of a streamed body
				}
				large := (*gateway.BodyTooLargeError)(nil)
				if size == 10 != (err == nil) || err != nil && (!errors.As(err, &large) || large.Limit != 10) {
					t.Errorf("%d bytes, streamed %v, declared %v: got %v", size, stream, declared, err)
				}
				if size > 10 && b.body != "" && len(b.body) != 10 {
					t.Errorf("got %d bytes; want at most 10", len(b.body))
				}
			}
		}
	}
}

// TestSpoolBrokenBody: a body that ends early is not passed on as complete (S6).
func TestSpoolBrokenBody(t *testing.T) {
	for _, memory := range []int{0, -1} {
		b := &recorder{}
		s := &host.Spool{Backend: b, MemoryBytes: memory, Dir: t.TempDir()}
		body := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF))
		if _, err := s.RoundTrip(post(body)); !errors.Is(err, io.ErrUnexpectedEOF) || b.calls != 0 {
			t.Errorf("got %v after %d calls; want io.ErrUnexpectedEOF and none", err, b.calls)
		}
	}
}

// TestSpoolStream: a backend that accepts a streamed body gets it before its end has arrived.
func TestSpoolStream(t *testing.T) {
	r, w := io.Pipe()
	s := &host.Spool{Stream: true, Backend: backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		first := make([]byte, 5)
		if _, err := io.ReadFull(r.Stdin, first); err != nil {
			return nil, err
		}
		w.CloseWithError(io.EOF) // the end is sent when the beginning has arrived
		rest, err := io.ReadAll(r.Stdin)
		if _, ok := r.Environ.Lookup("CONTENT_LENGTH"); ok || err != nil || string(first)+string(rest) != "first" {
			t.Errorf("got %q, %q, %v, CONTENT_LENGTH %v", first, rest, err, ok)
		}
		return says("Status: 204\n\n").RoundTrip(r)
	})}
	go w.Write([]byte("first"))
	if _, err := s.RoundTrip(post(r)); err != nil {
		t.Error(err)
	}
}

// TestSpoolStreamRefused: a backend that reads the first bytes and then needs the length gets all
// of them again.
func TestSpoolStreamRefused(t *testing.T) {
	for _, look := range []int{0, 1, 512, 513} {
		b := &recorder{}
		s := &host.Spool{Stream: true, Backend: backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
			if r.Environ.Get("CONTENT_LENGTH") == "" {
				io.ReadFull(r.Stdin, make([]byte, look))
				return nil, gateway.ErrLengthRequired
			}
			return b.RoundTrip(r)
		})}
		sent := strings.Repeat("abcdefgh", 1000)
		_, err := s.RoundTrip(post(bytes.NewReader([]byte(sent))))
		switch {
		case look <= 512 && (err != nil || b.body != sent):
			t.Errorf("looked at %d: got %d bytes, %v", look, len(b.body), err)
		case look > 512 && !errors.Is(err, gateway.ErrLengthRequired):
			t.Errorf("looked at %d: got %v; want ErrLengthRequired", look, err)
		}
	}
}

// TestSpoolClosed: the file is closed with the response, and after a failure.
func TestSpoolClosed(t *testing.T) {
	var stdin io.Reader
	fail := errors.New("no")
	b := backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		if stdin = r.Stdin; r.Environ.Get("FAIL") != "" {
			return nil, fail
		}
		return says("Content-Type: a/b\n\nbody").RoundTrip(r)
	})
	s := &host.Spool{Backend: b, MemoryBytes: -1, Dir: t.TempDir()}
	resp, err := s.RoundTrip(post(strings.NewReader("abc")))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := stdin.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: got %v; want os.ErrClosed", err)
	}
	r := post(strings.NewReader("abc"))
	r.Environ.Set("FAIL", "1")
	if _, err := s.RoundTrip(r); err != fail {
		t.Errorf("got %v; want the backend's error", err)
	}
	if _, err := stdin.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after a failure: got %v; want os.ErrClosed", err)
	}
}

// TestHandlerSpools: a chunked request gets a length for an application that has no chunks (C13).
func TestHandlerSpools(t *testing.T) {
	b := &recorder{}
	h := handler(b)
	h.MaxBodyBytes = 100_000
	sent := strings.Repeat("x", 100_000)
	fetch(t, h, "POST", "/", struct{ io.Reader }{strings.NewReader(sent)}).want(t, 200, "ok")
	b.want(t, "CONTENT_LENGTH", "100000", "HTTP_TRANSFER_ENCODING", "-")
	if b.body != sent {
		t.Errorf("got %d bytes", len(b.body))
	}
	fetch(t, h, "POST", "/", struct{ io.Reader }{strings.NewReader(sent + "x")}).want(t, 413, "The request body is too large.\n")
	fetch(t, h, "POST", "/", strings.NewReader(sent+"x")).want(t, 413, "The request body is too large.\n")
	h = handler(b)
	h.StreamBody = true
	fetch(t, h, "POST", "/", struct{ io.Reader }{strings.NewReader(sent)}).want(t, 200, "ok")
	b.want(t, "CONTENT_LENGTH", "-", "HTTP_TRANSFER_ENCODING", "-")
	if b.body != sent {
		t.Errorf("got %d bytes", len(b.body))
	}
}
