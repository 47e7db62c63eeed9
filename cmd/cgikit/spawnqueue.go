package main

import (
	"net"

	"github.com/cgikit/cgikit/cmd/internal/ping"
	asked "github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway/listen"
)

// queueOf returns the function that reads how many connections wait on a listening socket. The
// system finds the socket by its address.
func queueOf(bound net.Addr, a listen.Address) func() (n int, known bool) {
	switch b := bound.(type) {
	case *net.TCPAddr:
		a.Network, a.Host, a.Port = "tcp", b.IP.String(), uint16(b.Port)
	case *net.UnixAddr:
		a.Network, a.Path = "unix", b.Name
	}
	t := asked.Target{Address: a}
	return func() (int, bool) {
		q := ping.ReadQueue(t)
		return q.Waiting, q.Known
	}
}
