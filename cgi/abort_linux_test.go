package cgi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cgi"
)

// TestScriptAborted: 320 requests that are given up at any time leave no goroutine, no descriptor
// and no process.
func TestScriptAborted(t *testing.T) {
	s := shell(t, `printf 'Content-Type: text/plain\n\n'; sleep 600 & echo $!; cat >/dev/null; wait`)
	s.MaxScripts = 8
	// whatever is opened once is open now
	if resp, _ := begin(t, s, request("GET", nil)); resp != nil {
		resp.Body.Close()
	}
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 40 {
				abort(s, time.Duration(i*40+j)*30*time.Microsecond, j%4)
			}
		})
	}
	all.Wait()
	for end := time.Now().Add(20 * time.Second); ; pause() {
		// Fewer than at the start is none: one of the first request's may have been about to end
		// then.
		moreGoroutines, moreFiles := max(runtime.NumGoroutine()-goroutines, 0), max(openFiles(t)-files, 0)
		left := fmt.Sprintf("%d goroutines, %d files, children %q", moreGoroutines, moreFiles, children(t))
		if left == `0 goroutines, 0 files, children ""` {
			break
		}
		if time.Now().After(end) {
			t.Fatal("left behind: ", left)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// abort begins a request and gives it up after a while: by its context, by closing the body, or by
// a request body that breaks off.
func abort(s *cgi.Script, after time.Duration, how int) {
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	r := request("POST", make([]byte, 100_000))
	stdin, client := io.Pipe()
	defer client.Close()
	switch how {
	case 0:
		r.Stdin = stdin // of which nothing comes
	case 1:
		r.Stdin = stdin
		time.AfterFunc(after, func() { client.CloseWithError(io.ErrUnexpectedEOF) })
	case 2:
		ctx = context.Background()
	}
	resp, err := s.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return
	}
	if how == 2 {
		io.CopyN(io.Discard, resp.Body, 1)
	} else {
		io.Copy(io.Discard, resp.Body)
	}
	resp.Body.Close()
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// children has the numbers of this process's children, zombies too. Those of its scripts would be
// its own, had they not been in the group.
func children(t *testing.T) string {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, task := range tasks {
		list, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err == nil { // the thread may be gone
			all = append(all, list...)
		}
	}
	return string(bytes.TrimSpace(all))
}
