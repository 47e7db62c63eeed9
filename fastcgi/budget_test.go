package fastcgi_test

import (
	"io"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	spool "github.com/cgikit/cgikit/gateway/exchange"
)

// TestBudgetOfManyBodies has several connections, each with as many requests as it may have, whose
// bodies are not read. Together they hold no more than the Budget. A request without room is
// answered 503, and any other completely.
func TestBudgetOfManyBodies(t *testing.T) {
	const conns, requests, size, memory = 4, 16, 100_000, 1 << 20
	budget := &spool.Budget{MemoryBytes: memory, FileBytes: -1}
	p := make(chan struct{})
	srv := start(t, &fastcgi.Server{Budget: budget, App: bodyApp(p)})
	var clients []*client
	for range conns {
		c := dial(t, srv.addr)
		clients = append(clients, c)
		for id := uint16(1); id <= requests; id++ {
			c.send(head(id, keepConn, "REQUEST_URI", "/slow"))
		}
		for id := uint16(1); id <= requests; id++ {
			_, records := bodyText(id, size)
			c.send(records)
		}
		if got := body(c.send(get(100, keepConn, "/fast")).whole(100)); got != "hello /fast" {
			t.Errorf("a request beside them got %q", got)
		}
	}
	if used, _ := budget.Used(); used > memory || used < memory/2 {
		t.Errorf("%d bytes are held of %d", used, memory)
	}
	close(p)
	whole, refused := 0, 0
	for _, c := range clients {
		for id, a := range c.answers(requests) {
			want, _ := bodyText(id, size)
			switch {
			case body(a.stdout) == want:
				whole++
			case strings.HasPrefix(a.stdout, "Status: 503 "):
				refused++
			default:
				t.Errorf("request %d got %.60q", id, a.stdout)
			}
		}
	}
	// A body that is refused may hold a part until then.
	if whole < memory/size/2 || refused == 0 {
		t.Errorf("%d requests got their whole body and %d were refused", whole, refused)
	}
	waitUntil(t, "the end of the requests", func() bool { used, _ := budget.Used(); return used == 0 })
}

// TestBudgetOfVariables: variables that are not complete count, those of an ordinary request do
// not.
func TestBudgetOfVariables(t *testing.T) {
	budget := &spool.Budget{MemoryBytes: 10_000}
	srv := start(t, &fastcgi.Server{Budget: budget, App: gateway.AppFunc(hello)})
	c := dial(t, srv.addr)
	for id := uint16(1); id <= 2; id++ {
		c.send(begin(id, responder, keepConn), rec(typeParams, id, strings.Repeat("x", 4000)), rec(typeGetValues, 0, "")).next()
	}
	// The server answers FCGI_GET_VALUES before it copies what it has read.
	waitUntil(t, "8,000 bytes to be held", func() bool { used, _ := budget.Used(); return used == 8000 })
	other := dial(t, srv.addr)
	other.send(begin(1, responder, keepConn), rec(typeParams, 1, strings.Repeat("x", 4000))).refused(1, overloaded)
	if got := body(other.send(get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
		t.Errorf("an ordinary request got %q", got)
	}
	for id := uint16(1); id <= 2; id++ {
		c.send(rec(typeAbort, id, "")).refused(id, complete)
	}
	waitUntil(t, "the end of the requests", func() bool { used, _ := budget.Used(); return used == 0 })
	c.send(begin(1, responder, keepConn))
	for range 3 {
		c.send(rec(typeParams, 1, strings.Repeat(pairs("N", "v"), 500)), rec(typeGetValues, 0, "")).next()
	}
	if got := c.send(rec(typeParams, 1, ""), rec(typeStdin, 1, "")).whole(1); !strings.HasPrefix(got, "Status: 431 ") {
		t.Errorf("with room again: got %.40q; want the answer to 1,500 variables", got)
	}
}

// TestNoBudget: an ordinary request and the body of one that is alone need no room.
func TestNoBudget(t *testing.T) {
	srv := start(t, &fastcgi.Server{Budget: &spool.Budget{MemoryBytes: -1, FileBytes: -1}, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		got, err := io.ReadAll(r.Stdin)
		if err != nil {
			return err
		}
		_, err = w.Write(got)
		return err
	})})
	c := dial(t, srv.addr)
	want, records := bodyText(1, 1_000_000)
	go io.WriteString(c, head(1, keepConn)+records)
	if got := body(c.whole(1)); got != want {
		t.Errorf("got %d bytes, which are not the %d that were sent", len(got), len(want))
	}
	if got := body(c.send(head(2, keepConn), rec(typeStdin, 2, "small"), rec(typeStdin, 2, "")).whole(2)); got != "small" {
		t.Errorf("a request whose body came with it got %q", got)
	}
}
