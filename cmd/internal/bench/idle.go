package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
)

// idleMost is the bound of fastcgi.Server, in bytes.
const idleMost = 12 << 10

// measureIdle prints by how many resident bytes a kept connection without a request makes a server
// grow. Each connection has had one request. The buffers of the kernel are not counted.
func measureIdle(o options) error {
	if err := allowFiles(o.conns + 100); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%d connections, bytes each\n", o.conns)
	own, err := printIdle(o, "server", "server")
	if err != nil {
		return err
	}
	for _, e := range [][2]string{{"server+httpapp", "serverhttp"}, {"nethttp.Server", "std"}, {"net/http/fcgi", "fcgi"}, {"trivial", "trivial"}} {
		if _, err := printIdle(o, e[0], e[1]); err != nil {
			return err
		}
	}
	if own > idleMost {
		return fmt.Errorf("server: %.0f bytes each, over the bound of %d", own, idleMost)
	}
	return nil
}

func printIdle(o options, name, server string) (float64, error) {
	each, err := idleBytes(o, server)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(o.out, "%-16s %8.0f\n", name, each)
	return each, nil
}

// idleBytes measures a server that has already answered on some connections, which are closed. So
// it does not count the memory that a server needs only once.
func idleBytes(o options, server string) (float64, error) {
	p, err := startHello(o, server)
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	if _, _, err := helloLoad(p).Run(o.clients, o.span); err != nil {
		return 0, err
	}
	before, err := p.Resident()
	if err != nil {
		return 0, err
	}
	for range o.conns {
		conn, err := openIdle(p)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
	}
	time.Sleep(time.Second) // the server gives back what it does not need
	after, err := p.Resident()
	return float64(after-before) / float64(o.conns), err
}

// openIdle opens a connection that has one request answered.
func openIdle(p *peer.Process) (net.Conn, error) {
	conn, err := net.Dial(p.Network, p.Addr)
	if err != nil {
		return nil, err
	}
	if _, err := exchange(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}
