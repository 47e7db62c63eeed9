package listen_test

import (
	"fmt"
	"io"
	"net"
	"time"

	"github.com/cgikit/cgikit/gateway/listen"
)

func ExampleParse() {
	a, err := listen.Parse("fastcgi+unix:/run/app.sock?mode=0600&group=www-data")
	fmt.Println(a.Protocol, a.Network, a.Path, a.Mode, a.Group, err)
	_, err = listen.Parse("uwsgi://127.0.0.1:3031")
	fmt.Println(err)
	// Output:
	// fastcgi unix /run/app.sock -rw------- www-data <nil>
	// listen: address "uwsgi://127.0.0.1:3031" begins with "uwsgi:", which is unknown: write HOST:PORT, unix:/PATH, fd:N, systemd:NAME, PROTOCOL://HOST:PORT or PROTOCOL+unix:/PATH, PROTOCOL being http, https, fastcgi, scgi or auto
}

// One port for every protocol: each server gets the connections of its protocol.
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
