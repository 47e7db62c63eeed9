package load_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/load"
)

func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for buf := make([]byte, 1024); err == nil; {
			if _, err = conn.Read(buf); err == nil {
				_, err = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"))
			}
		}
	}()
	p := &load.Plan{
		Network: "tcp", Addr: l.Addr().String(),
		Requests: [][]byte{[]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")},
		Decoder:  func() load.Decoder { return new(load.HTTP) },
		Conns:    1, Count: 3, Timeout: time.Minute,
	}
	r, err := p.Run(context.Background())
	fmt.Println(r.OK, r.Statuses, r.Errors, r.Bytes, r.Connects, err)
	// Output: 3 map[200:3] map[] 18 1 <nil>
}
