package transport_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/transport"
)

// greeter is a complete transport, of a protocol whose requests and answers are lines.
type greeter struct {
	MaxConns    int
	ReadTimeout time.Duration
	conns       transport.Conns
}

func (g *greeter) Serve(l net.Listener) error {
	return g.conns.Serve(l, transport.Service{
		Handle:   g.serveConn,
		Refuse:   func(c net.Conn) { io.WriteString(c, "too many guests\n") },
		MaxConns: g.MaxConns,
	})
}

func (g *greeter) Shutdown(ctx context.Context) error { return g.conns.Shutdown(ctx) }
func (g *greeter) Close() error                       { return g.conns.Close() }

func (g *greeter) serveConn(_ context.Context, c *transport.Conn) {
	lines := bufio.NewReader(c.Net)
	for {
		c.Net.SetReadDeadline(time.Now().Add(g.ReadTimeout))
		if _, err := lines.Peek(1); err != nil {
			return
		}
		if !c.Active() { // closed by Shutdown: begin no request
			return
		}
		name, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		fmt.Fprintf(c.Net, "hello, %s", name)
		if !c.Idle() { // shutting down: wait for no other request
			return
		}
	}
}

// The author of a new transport writes the function that serves one connection. Conns does the
// rest: it retries failed accepts, limits the connections, checks the peers, recovers from panics,
// and shuts down gracefully.
func ExampleConns() {
	l, err := listen.ListenFor("greeting", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	g := &greeter{ReadTimeout: time.Minute}
	served := make(chan error)
	go func() { served <- g.Serve(l) }()

	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	io.WriteString(c, "wsgiref\n")
	answer, _ := bufio.NewReader(c).ReadString('\n')
	fmt.Print(answer)

	fmt.Println(g.Shutdown(context.Background()))
	fmt.Println(<-served)
	// Output:
	// hello, wsgiref
	// <nil>
	// gateway: server closed
}
