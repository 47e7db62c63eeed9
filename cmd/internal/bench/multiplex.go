package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/fastcgi/wire"
)

const (
	multiplexed     = 64
	multiplexedMost = 32 << 20 // bytes by which a server may grow while it streams 1 GB
)

// measureMultiplex has 64 requests at the same time on one connection, which get 16 MB each, and
// then send 16 MB each and get them back. It prints by how much the server grew.
func measureMultiplex(o options) error {
	var over []error
	for _, method := range []string{"GET", "POST"} {
		for _, e := range [][2]string{{"server", "stream"}, {"nethttp.Server", "stdstream"}} {
			grown, err := grow(o, e[1], method)
			if err != nil {
				return fmt.Errorf("%s %s: %w", method, e[0], err)
			}
			fmt.Fprintf(o.out, "%-4s %d x %d bytes: %-14s grew by %.1f MB\n", method, multiplexed, o.size, e[0], mb(grown))
			if e[0] == "server" && grown > multiplexedMost {
				over = append(over, fmt.Errorf("%s: grew by more than %d MB", method, multiplexedMost>>20))
			}
		}
	}
	return errors.Join(over...)
}

func grow(o options, server, method string) (int64, error) {
	p, err := peer.StartSelf(o.dir, "unix", []string{server})
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	s := streams{method: method, size: o.size}
	return growth(p, func() error { return s.transfer(p, 1) }, func() error { return s.transfer(p, multiplexed) })
}

// growth returns by how many bytes a server ever was larger during the work than before it. It has
// done less of the same by then: what it needs only once is not counted.
func growth(p *peer.Process, first, work func() error) (int64, error) {
	if err := first(); err != nil {
		return 0, err
	}
	before, err := p.Resident()
	if err == nil {
		err = p.ResetPeak()
	}
	if err == nil {
		err = work()
	}
	if err != nil {
		return 0, err
	}
	after, err := p.Peak()
	return after - before, err
}

// streams are requests of one connection, each with so many bytes.
type streams struct {
	method string
	size   int64
}

// transfer sends and receives at the same time, as a web server does. A server that echoes would
// fill all buffers otherwise.
func (s streams) transfer(p *peer.Process, requests int) error {
	conn, err := net.Dial(p.Network, p.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	var sending sync.WaitGroup
	defer sending.Wait()
	var sendErr error
	sending.Go(func() { sendErr = s.send(conn, requests) })
	if err := s.receive(conn, requests); err != nil {
		conn.Close()
		sending.Wait()
		return errors.Join(err, sendErr)
	}
	return nil
}

// send begins all requests, and sends a record of each body in turn.
func (s streams) send(conn net.Conn, requests int) error {
	set := map[string]string{"REQUEST_METHOD": s.method, "QUERY_STRING": strconv.FormatInt(s.size, 10)}
	var out []byte
	for id := range requests {
		out = load.AppendHead(out, uint16(id+1), set, true)
	}
	if _, err := conn.Write(out); err != nil {
		return err
	}
	block := make([]byte, 32<<10)
	for sent := int64(0); sent < s.size && s.method == "POST"; sent += int64(len(block)) {
		next := block[:min(int64(len(block)), s.size-sent)]
		for id := range requests {
			if _, err := conn.Write(wire.AppendRecord(out[:0], wire.TypeStdin, uint16(id+1), next)); err != nil {
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

func (s streams) receive(conn net.Conn, requests int) error {
	var r load.Records
	for buf := make([]byte, 256<<10); !r.Whole(requests); {
		n, err := conn.Read(buf)
		if err != nil {
			return fmt.Errorf("after %d responses and %d MB: %w", r.Ended, r.Body>>20, err)
		}
		if err := r.Take(buf[:n]); err != nil {
			return err
		}
	}
	if want := int64(requests) * s.size; r.Body < want || r.Body > want+int64(requests)*4096 {
		return fmt.Errorf("got %d bytes with the heads; want %d", r.Body, want)
	}
	return nil
}
