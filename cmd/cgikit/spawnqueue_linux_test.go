package main

import (
	"net"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/listen"
)

// TestQueueOf: the queue is that of the socket, by the address that the system has given it.
func TestQueueOf(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "unix:" + webserver.Dir(t) + "/s"} {
		a, err := listen.ParseFor("fastcgi", address)
		if err != nil {
			t.Fatal(err)
		}
		l, err := listen.Listen(a)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		waiting := queueOf(l.Addr(), a)
		for want := range 3 {
			if n, known := waiting(); n != want || !known {
				t.Errorf("%s: got %d, %v; want %d", address, n, known, want)
			}
			c, err := net.Dial(l.Addr().Network(), l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
	}
}
