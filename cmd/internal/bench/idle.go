package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
)

// idleMost is the bound of fastcgi.Server, in bytes.
const idleMost = 12 << 10

// measureIdle prints by how many resident bytes a kept connection without a request makes a server
// grow. Each connection has had one request. The buffers of the kernel are not counted.
func measureIdle(o options) error {
	script, err := peer.PHPScript(o.dir)
	if err != nil {
		return err
	}
	contest, err := idleApplications(o, script, o.leftOut)
	if contest == nil {
		return err
	}
	fmt.Fprintf(o.out, "%d connections, bytes each\n", o.conns)
	for _, e := range contest.Entries {
		fmt.Fprintf(o.out, "%-16s %8.0f\n", e.Name, rounds.Median(e.More(0)))
	}
	if own := contest.Entry("cgikit"); own != nil && rounds.Median(own.More(0)) > idleMost {
		err = errors.Join(err, fmt.Errorf("cgikit: %.0f bytes each, over the bound of %d", rounds.Median(own.More(0)), idleMost))
	}
	return err
}

// idlers are servers with idle connections.
type idlers struct {
	peers []peer.Peer
	cause map[string]string // why a peer cannot have so many connections
	load  func(p *peer.Process) load.Load
}

// idleApplications are those that a client of FastCGI asks on a unix socket. libfcgi has a thread
// for each connection.
func idleApplications(o options, script string, seen seen) (*rounds.Contest, error) {
	hello := work.All()[0]
	each := "has a process for each connection: too many"
	return idlers{
		peers: append([]peer.Peer{
			own(o, "cgikit", "work"), own(o, "cgikit+httpapp", "workhttp"), own(o, "nethttp.Server", "workstd"), own(o, "net/http/fcgi", "workfcgi"),
			peer.Libfcgi(o.dir, o.conns+o.clients), peer.FCGIPM(o.dir, 1), peer.PHPFPM(o.dir, 1), peer.Uwsgi(o.dir, "fastcgi", 1),
		}, applicationFloors(o)...),
		cause: map[string]string{"FCGI.pm": each, "php-fpm": each, "uwsgi": "does not keep connections"},
		load:  func(p *peer.Process) load.Load { return hello.FastCGI(p.Network, p.Addr, script, true) },
	}.contest(o, seen)
}

// idleWebServers are those that take HTTP.
func idleWebServers(o options, backend string, seen seen) (*rounds.Contest, error) {
	gateway := func(name, server string) peer.Peer { return named(name, peer.Own(o.dir, "tcp", server, backend)) }
	return idlers{
		peers: []peer.Peer{
			gateway("cgikit", "handler"), peer.Cgikit(o.dir, backend), peer.Gofast(o.dir, backend), gateway("net/http", "workserved"),
			peer.Nginx(o.dir, "auto", peer.Site{Backend: backend, Keep: true, Clients: o.conns + o.clients}), peer.Caddy(o.dir, o.caddy, backend),
		},
		load: func(p *peer.Process) load.Load { return work.All()[0].HTTP(p.Addr, "/app/hello") },
	}.contest(o, seen)
}

// contest measures each peer once: a process that had idle connections before does not start from
// the same state.
func (d idlers) contest(o options, seen seen) (*rounds.Contest, error) {
	if err := allowFiles(o.conns + 200); err != nil {
		return nil, err
	}
	contest := &rounds.Contest{
		Title: fmt.Sprintf("%d at the same time", o.conns), Unit: "connections", Measures: []rounds.Measure{{Name: "memory", Unit: "bytes each"}},
	}
	var failed []error
	for _, p := range d.peers {
		if !o.takes(p.Name) {
			continue
		}
		s, process, err := d.measure(o, p)
		seen(p, process, err)
		if process == nil {
			continue
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.Name, err))
			continue
		}
		contest.Entries = append(contest.Entries, &rounds.Entry{Name: p.Name, Samples: []rounds.Sample{s}})
	}
	if len(contest.Entries) == 0 {
		return nil, errors.Join(append(failed, errors.New("none of the servers can take part"))...)
	}
	return contest, errors.Join(failed...)
}

// measure returns no process for a peer that cannot take part.
func (d idlers) measure(o options, p peer.Peer) (s rounds.Sample, process *peer.Process, err error) {
	if err := context.Cause(o.ctx); err != nil {
		return s, nil, err
	}
	if cause := d.cause[p.Name]; cause != "" {
		return s, nil, errors.New(cause)
	}
	if err := p.Prepare(); err != nil {
		return s, nil, err
	}
	if process, err = p.Start(); err != nil {
		return s, nil, err
	}
	defer process.Stop()
	begin := time.Now()
	bytes, err := idleBytes(o, process, d.load(process))
	return rounds.Sample{Done: float64(o.conns), Took: time.Since(begin), More: []float64{bytes}}, process, err
}

// idleBytes measures a server that has already answered on some connections, which are closed. So
// it does not count the memory that a server needs only once.
func idleBytes(o options, p *peer.Process, l load.Load) (float64, error) {
	if _, _, err := l.Run(o.clients, o.span); err != nil {
		return 0, err
	}
	before, err := p.Resident()
	if err != nil {
		return 0, err
	}
	for range o.conns {
		conn, err := openIdle(l)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
	}
	after, err := waitResident(p)
	return float64(after-before) / float64(o.conns), err
}

// waitResident returns the resident bytes of a server that has released what it does not need: when
// they have not fallen for 150 ms, or after three seconds.
func waitResident(p *peer.Process) (int64, error) {
	least, err := p.Resident()
	for same, tries := 0, 0; err == nil && same < 3 && tries < 60; tries++ {
		time.Sleep(50 * time.Millisecond)
		var now int64
		if now, err = p.Resident(); now < least {
			least, same = now, -1
		}
		same++
	}
	return least, err
}

// openIdle opens a connection that has one request answered.
func openIdle(l load.Load) (net.Conn, error) {
	conn, err := net.Dial(l.Network, l.Addr)
	if err != nil {
		return nil, err
	}
	if err := l.Exchange(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}
