package listen_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/cgikit/cgikit/gateway/listen"
)

// greeter is a whole transport: a protocol whose request is a line, and whose answer is a line.
type greeter struct {
	MaxConns    int
	ReadTimeout time.Duration
	conns       listen.Conns
}

func (g *greeter) Serve(l net.Listener) error {
	return g.conns.Serve(l, listen.Service{
		Handle:   g.serveConn,
		Refuse:   func(c net.Conn) { io.WriteString(c, "too many guests\n") },
		MaxConns: g.MaxConns,
	})
}

func (g *greeter) Shutdown(ctx context.Context) error { return g.conns.Shutdown(ctx) }
func (g *greeter) Close() error                       { return g.conns.Close() }

func (g *greeter) serveConn(_ context.Context, c *listen.Conn) {
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

// The author of a new transport writes what is done with one connection. Conns does the rest: it retries failed accepts,
// limits and checks the peers, survives panics, and ends the connections in order.
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

func ExampleParse() {
	a, err := listen.Parse("fastcgi+unix:/run/app.sock?mode=0600&group=www-data")
	fmt.Println(a.Protocol, a.Network, a.Path, a.Mode, a.Group, err)
	_, err = listen.Parse("uwsgi://127.0.0.1:3031")
	fmt.Println(err)
	// Output:
	// fastcgi unix /run/app.sock -rw------- www-data <nil>
	// listen: address "uwsgi://127.0.0.1:3031" begins with "uwsgi:", which is not known: write HOST:PORT, unix:/PATH, fd:N, systemd:NAME, PROTOCOL://HOST:PORT or PROTOCOL+unix:/PATH, PROTOCOL being http, fastcgi, scgi or auto
}

// One port for every protocol: each server gets the connections that speak its own.
func ExampleSplit() {
	l, err := listen.Listen(listen.Address{Protocol: "auto", Network: "tcp", Host: "127.0.0.1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := listen.Split(l, 10*time.Second, nil)
	defer mux.Close()
	mux.FastCGI.Close() // not served here

	for _, request := range []string{"GET / HTTP/1.1\r\n", "24:CONTENT_LENGTH\x00"} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.Close()
		io.WriteString(c, request)
	}
	for _, l := range []net.Listener{mux.HTTP, mux.SCGI} {
		c, err := l.Accept()
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.Close()
		begin := make([]byte, 5)
		io.ReadFull(c, begin)
		fmt.Printf("%T %q\n", c, begin)
	}
	// Output:
	// *net.TCPConn "GET /"
	// *net.TCPConn "24:CO"
}
