package fastcgi

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/transport"
)

// TestWaitForRoomLeavesTheDeadline has a connection begin to linger while its reader waits for room
// in a body: the reader must not go on without a bound, or with one that is over.
func TestWaitForRoomLeavesTheDeadline(t *testing.T) {
	c, r := fullBody(t)
	done := make(chan error)
	go func() { done <- c.waitForRoom(r, &r.stdin) }()
	for stalled := false; !stalled; runtime.Gosched() {
		c.mu.Lock()
		stalled = c.wait.stalled == r
		c.mu.Unlock()
	}
	c.mu.Lock()
	c.state = stateLingering
	c.mu.Unlock()
	r.stdin.closeRead()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	c.mu.Lock()
	c.wait.begin(position{}, nil)
	c.moveReadDeadline()
	if left := c.wait.deadline.Sub(before); left <= 0 || left > lingerTime+time.Since(before) {
		t.Errorf("the reader's deadline is in %v; want at most %v", left, lingerTime)
	}
	c.mu.Unlock()
}

// fullBody is a request of a connection over TCP, with no room for more of its body.
func fullBody(t *testing.T) (*conn, *request) {
	t.Helper()
	l := listenOnLoopback(t)
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	s := new(Server)
	c := newConn(context.Background(), s, &transport.Conn{Net: ours}, s.limits())
	r := newRequest(c, 1, wire.BeginRequest{Role: RoleResponder})
	for r.stdin.write(make([]byte, 1<<10), false) {
	}
	return c, r
}

func listenOnLoopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
