//go:build unix

package trace

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
)

// liveSocket serves echo at a new unix socket of mode 0620.
func liveSocket(t *testing.T, path string) (closeServer func()) {
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o620); err != nil {
		t.Fatal(err)
	}
	s := &fastcgi.Server{App: echo}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	return func() { s.Close(); <-done }
}

// TestInPlace traces a socket under load, in its place, and puts it back: no request fails, the
// socket is the same file as before, and nothing is left beside it.
func TestInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.sock")
	defer liveSocket(t, path)()
	before, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	stop, failed := load(t, path)
	for range 5 {
		place, err := TakePlace(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode() != before.Mode() || os.SameFile(info, before) {
			t.Errorf("in place: got %v, %v; want another file of mode %v", info, err, before.Mode())
		}
		sink := new(collector)
		ctx, cancel := context.WithCancel(context.Background())
		p := &Proxy{Protocol: "fastcgi", Sink: sink, Dial: place.Dial, Stop: func() { place.GiveBack(); place.AcceptQueue() }}
		done := make(chan error, 1)
		go func() { done <- p.Serve(ctx, place.Listener) }()
		ask(t, &fastcgi.Client{Addr: "unix:" + path}, "x") // at least one exchange was traced
		cancel()
		if err := errors.Join(<-done, place.GiveBack()); err != nil {
			t.Error(err)
		}
		if len(sink.kinds) == 0 {
			t.Error("nothing was traced")
		}
	}
	stop()
	if err := failed(); err != nil {
		t.Errorf("a request failed: %v", err)
	}
	after, err := os.Lstat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the socket is not the one from before: %v", err)
	}
	if _, err := os.Lstat(path + asideSuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the name aside is left: %v", err)
	}
}

// load asks the application at path again and again, on new connections, until stop is called.
func load(t *testing.T, path string) (stop func(), failed func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var mu sync.Mutex
	var first error
	for range 3 {
		group.Go(func() {
			client := &fastcgi.Client{Addr: "unix:" + path}
			defer client.Close()
			for ctx.Err() == nil {
				resp, err := client.RoundTrip(getRequest())
				if err == nil {
					_, err = resp.Body.Read(make([]byte, 1))
					resp.Body.Close()
					if err != nil && err.Error() == "EOF" {
						err = nil
					}
				}
				if err != nil {
					mu.Lock()
					first = errors.Join(first, err)
					mu.Unlock()
					return
				}
			}
		})
	}
	return func() { cancel(); group.Wait() }, func() error { return first }
}

// TestInPlaceReplaced: an application that is restarted meanwhile keeps its new socket.
func TestInPlaceReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.sock")
	closeOld := liveSocket(t, path)
	place, err := TakePlace(path)
	if err != nil {
		t.Fatal(err)
	}
	defer place.Listener.Close()
	closeOld()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	defer liveSocket(t, path)()
	restarted, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := place.GiveBack(); !errors.Is(err, ErrReplaced) {
		t.Errorf("got %v; want %v", err, ErrReplaced)
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(now, restarted) {
		t.Errorf("the new socket was touched: %v", err)
	}
	if _, err := os.Lstat(place.Aside); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the name aside is left: %v", err)
	}
}

func TestTakePlaceRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	busy := filepath.Join(dir, "busy")
	defer liveSocket(t, busy)()
	if err := os.WriteFile(busy+asideSuffix, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, stale, busy, filepath.Join(dir, "none")} {
		before, _ := os.ReadDir(dir)
		if _, err := TakePlace(path); err == nil {
			t.Errorf("%s: got no error", filepath.Base(path))
		}
		if after, _ := os.ReadDir(dir); len(after) != len(before) {
			t.Errorf("%s: left something in the folder", filepath.Base(path))
		}
	}
}

// TestReplace: the second best way of exchanging names never leaves the path without a file.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, aside := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	os.WriteFile(path, []byte("live"), 0o600)
	os.WriteFile(aside, []byte("ours"), 0o600)
	if err := linkAndRename(aside, path); err != nil {
		t.Fatal(err)
	}
	now, _ := os.ReadFile(path)
	then, _ := os.ReadFile(aside)
	if string(now) != "ours" || string(then) != "live" {
		t.Errorf("got %q at the path and %q aside", now, then)
	}
}
