//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/testdata/bench/contest"
)

const (
	multiplexed     = 64
	multiplexedMost = 32 << 20 // bytes by which a server may grow while it streams 1 GB
)

// measureMultiplex has 64 requests at the same time on one connection, which get 16 MB each, and
// then send 16 MB each and get them back. It prints how much larger than before the server ever
// was.
func measureMultiplex(s settings) error {
	var over []error
	for _, method := range []string{"GET", "POST"} {
		for _, e := range [][2]string{{"server", "stream"}, {"nethttp.Server", "stdstream"}} {
			grown, err := grow(s, e[1], method)
			if err != nil {
				return fmt.Errorf("%s %s: %w", method, e[0], err)
			}
			fmt.Printf("%-4s %d x %d MB: %-10s grew by %.1f MB\n", method, multiplexed, streamSize>>20, e[0], float64(grown)/(1<<20))
			if e[0] == "server" && grown > multiplexedMost {
				over = append(over, fmt.Errorf("%s: grew by more than %d MB", method, multiplexedMost>>20))
			}
		}
	}
	return errors.Join(over...)
}

func grow(s settings, server, method string) (int64, error) {
	c, err := contest.StartSelf(s.dir, "unix", []string{server})
	if err != nil {
		return 0, err
	}
	defer c.Stop()
	if err := multiplex(c, 1, method); err != nil { // what it needs once
		return 0, err
	}
	before, err := c.Resident()
	if err == nil {
		err = c.ResetPeak()
	}
	if err == nil {
		err = multiplex(c, multiplexed, method)
	}
	if err != nil {
		return 0, err
	}
	after, err := c.Peak()
	return after - before, err
}

// multiplex sends and receives at the same time, as a web server does: an echo fills all buffers
// otherwise.
func multiplex(c *contest.Child, requests int, method string) error {
	conn, err := net.Dial(c.Network, c.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	var sending sync.WaitGroup
	defer sending.Wait()
	var sendErr error
	sending.Go(func() { sendErr = sendBodies(conn, requests, method) })
	if err := receiveAll(conn, requests); err != nil {
		conn.Close()
		sending.Wait()
		return errors.Join(err, sendErr)
	}
	return nil
}

// sendBodies opens all requests, and sends a record of each body in turn.
func sendBodies(conn net.Conn, requests int, method string) error {
	var out []byte
	for id := range requests {
		out = appendHead(out, uint16(id+1), method, true)
	}
	if _, err := conn.Write(out); err != nil {
		return err
	}
	block := make([]byte, 32<<10)
	for range streamSize / len(block) {
		for id := 0; id < requests && method == "POST"; id++ {
			if _, err := conn.Write(wire.AppendRecord(out[:0], wire.TypeStdin, uint16(id+1), block)); err != nil {
				return err
			}
		}
	}
	out = out[:0]
	for id := range requests {
		out = wire.AppendRecord(out, wire.TypeStdin, uint16(id+1), nil)
	}
	_, err := conn.Write(out)
	return err
}

func receiveAll(conn net.Conn, requests int) error {
	var t tally
	for buf := make([]byte, 256<<10); !t.whole(requests); {
		n, err := conn.Read(buf)
		if err != nil {
			return fmt.Errorf("after %d responses and %d MB: %w", t.ended, t.body>>20, err)
		}
		if err := t.Take(buf[:n]); err != nil {
			return err
		}
	}
	if want := int64(requests) * streamSize; t.body < want || t.body > want+int64(requests)*4096 {
		return fmt.Errorf("got %d bytes, heads and all, of %d", t.body, want)
	}
	return nil
}
