package fastcgi_test

import (
	"context"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// 1,000 aborted requests leave no connection and no request, neither in the client nor in the
// server.
func TestClientAborts(t *testing.T) {
	srv := start(t, &fastcgi.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Flush()
		<-r.Context().Done()
		return r.Context().Err()
	})})
	c := &fastcgi.Client{Addr: "unix:" + srv.addr.String(), MaxIdleConns: 10}
	defer c.Close()
	goroutines, files := runtime.NumGoroutine(), openFiles()
	var group sync.WaitGroup
	for worker := range 10 {
		group.Go(func() {
			for i := range 100 {
				abort(c, worker+i)
			}
		})
	}
	group.Wait()
	if s := c.Stats(); s.Active != 0 || s.Idle != 0 || s.Waiting != 0 || s.Requests != 1000 {
		t.Errorf("got %+v; want 1,000 requests and nothing left", s)
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines || openFiles() > files; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines and %d files; want %d and %d", runtime.NumGoroutine(), openFiles(), goroutines, files)
		}
	}
}

// abort begins a request and ends it in one of the ways that there are.
func abort(c *fastcgi.Client, how int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := requestOf("POST", nil).WithContext(ctx)
	if how%2 == 0 {
		body, feed := io.Pipe() // that never says anything, until its App would have returned
		defer feed.Close()
		r.Stdin = body
	}
	if how%5 == 0 {
		cancel()
	}
	resp, err := c.RoundTrip(r)
	if err != nil {
		return
	}
	if how%3 == 0 {
		cancel()
		io.ReadAll(resp.Body)
	}
	resp.Body.Close()
}

// openFiles counts the descriptors of this process where the system tells.
func openFiles() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}
