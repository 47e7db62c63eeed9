package fastcgi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/transport"
)

// bodyOf is the body of a request of a server with that budget. Its connection is closed: no test
// here waits for it.
func bodyOf(t *testing.T, budget *exchange.Budget) *body {
	t.Helper()
	near, far := net.Pipe()
	near.Close()
	far.Close()
	s := &Server{Budget: budget, ReadTimeout: -1}
	c := newConn(context.Background(), s, &transport.Conn{Net: near}, s.limits())
	return &newRequest(c, 1, wire.BeginRequest{Role: RoleResponder}).stdin
}

// blockOf is the i-th block of a body, of 1 KiB, which tells the blocks apart.
func blockOf(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 512) }

// wantBlocks reads the blocks from first to before last.
func wantBlocks(t *testing.T, b *body, first, last int) {
	t.Helper()
	got := make([]byte, 1024)
	for i := first; i < last; i++ {
		if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, blockOf(i)) {
			t.Fatalf("block %d: got %x..., %v", i, got[:2], err)
		}
	}
}

// A body whose connection has no other request fills its memory, and one piece more; the reader may
// go on when half of it was read.
func TestBodyAlone(t *testing.T) {
	budget := new(exchange.Budget)
	b := bodyOf(t, budget)
	n := 0
	for b.write(blockOf(n), false) {
		n++
	}
	if n != bodyMemory/1024 {
		t.Errorf("%d KiB were taken; want %d", n, bodyMemory/1024)
	}
	if memory, files := budget.Used(); memory != bodyMemory || files != 0 {
		t.Errorf("%d bytes of memory and %d of files are in use", memory, files)
	}
	wantBlocks(t, b, 0, n/2-1)
	if !b.blocked() {
		t.Error("the reader may go on before half was read")
	}
	wantBlocks(t, b, n/2-1, n/2)
	if b.blocked() {
		t.Error("the reader must wait though half was read")
	}
	b.closeWrite(io.EOF)
	wantBlocks(t, b, n/2, n+1)
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v; want io.EOF", err)
	}
	b.closeRead()
	if memory, files := budget.Used(); memory+files != 0 {
		t.Errorf("%d bytes of memory and %d of files are in use after the end", memory, files)
	}
}

// Where other requests would wait, all of a body is held, and what had no room before comes first.
func TestBodyBesideOthers(t *testing.T) {
	b := bodyOf(t, new(exchange.Budget))
	defer b.closeRead()
	n := 0
	for b.write(blockOf(n), false) {
		n++
	}
	for n++; n < 2*bodyMemory/1024; n++ {
		if !b.write(blockOf(n), true) {
			t.Fatalf("the reader must wait for block %d", n)
		}
	}
	wantBlocks(t, b, 0, n)
}

// Without any room a body goes from the reader to the App, piece by piece.
func TestBodyWithoutRoomAlone(t *testing.T) {
	b := bodyOf(t, &exchange.Budget{MemoryBytes: -1, FileBytes: -1})
	defer b.closeRead()
	for i := range 3 {
		if b.write(blockOf(2*i), false) {
			t.Error("a piece was taken that has no room")
		}
		b.write(blockOf(2*i+1), false) // as where other requests must run before the reader waits
		wantBlocks(t, b, 2*i, 2*i+2)
		if b.blocked() {
			t.Error("all was read, and the reader must wait")
		}
	}
}

// Beside other requests, a body that finds no room costs its own request: what was held of it can
// be read, and then the reason.
func TestBodyWithoutRoom(t *testing.T) {
	tooLarge, serverError := new(*gateway.BodyTooLargeError), new(*gateway.ServerError)
	for _, c := range []struct {
		name   string
		budget *exchange.Budget
		used   int64 // by others
		held   int   // KiB
		want   any
	}{
		{"above its share", &exchange.Budget{MemoryBytes: 64 << 10, FileBytes: -1}, 0, 16, tooLarge},
		{"beside others", &exchange.Budget{MemoryBytes: 64 << 10, FileBytes: -1}, 56 << 10, 8, serverError},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.budget.Reserve(c.used, 0); err != nil {
				t.Fatal(err)
			}
			b := bodyOf(t, c.budget)
			for i := range 100 {
				if !b.write(blockOf(i), true) {
					t.Fatal("the reader must wait")
				}
			}
			b.closeWrite(io.EOF)
			wantBlocks(t, b, 0, c.held)
			if _, err := b.Read(make([]byte, 1)); !errors.As(err, c.want) {
				t.Errorf("got %v; want a %T", err, c.want)
			}
			b.closeRead()
			if memory, files := c.budget.Used(); memory != c.used || files != 0 {
				t.Errorf("%d bytes of memory and %d of files are in use after the end", memory, files)
			}
		})
	}
}

// When its App has returned, a body releases what it holds, and drops later bytes.
func TestBodyClosed(t *testing.T) {
	budget := new(exchange.Budget)
	b := bodyOf(t, budget)
	b.write(blockOf(0), false)
	b.closeRead()
	if !b.write(blockOf(1), false) || !b.write(blockOf(2), true) {
		t.Error("the reader must wait for an App that has returned")
	}
	if _, err := b.Read(make([]byte, 1)); err != gateway.ErrFinished {
		t.Errorf("got %v; want ErrFinished", err)
	}
	if memory, files := budget.Used(); memory+files != 0 {
		t.Errorf("%d bytes of memory and %d of files are in use", memory, files)
	}
}
