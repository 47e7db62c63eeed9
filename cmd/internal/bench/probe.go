package main

import (
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
)

// roles asks a server for each role, and returns the names of those that it does not refuse.
func roles(o options, server string) (string, error) {
	p, err := peer.StartSelf(o.dir, "unix", []string{server})
	if err != nil {
		return "", err
	}
	defer p.Stop()
	var known []string
	for role, name := range []string{"responder", "authorizer", "filter"} {
		ok, err := hasRole(p, fastcgi.Role(role+1))
		if err != nil {
			return "", err
		}
		if ok {
			known = append(known, name)
		}
	}
	return strings.Join(known, ", "), nil
}

// hasRole sends a whole request of a role.
func hasRole(p *peer.Process, role fastcgi.Role) (bool, error) {
	request := load.AppendGet(nil, 1, false)
	request[9] = byte(role) // BEGIN_REQUEST's content begins with it
	request = wire.AppendRecord(request, wire.TypeData, 1, nil)
	conn, err := net.Dial(p.Network, p.Addr)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if _, err := conn.Write(request); err != nil {
		return false, err
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	in := wire.NewRecordReader(conn)
	for {
		h, content, err := in.Next()
		if err != nil {
			return false, err
		}
		if h.Type == wire.TypeEndRequest {
			end, err := wire.ParseEndRequest(content)
			return end.ProtocolStatus == wire.RequestComplete, err
		}
	}
}

// patience begins two requests, sends 1 MB of body to the application of the first, which never
// reads it, and then the end of the second.
func patience(o options, server string) (string, error) {
	p, err := peer.StartSelf(o.dir, "unix", []string{server})
	if err != nil {
		return "", err
	}
	defer p.Stop()
	conn, err := net.Dial(p.Network, p.Addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return "", err
	}
	out := load.AppendHead(nil, 1, map[string]string{"REQUEST_METHOD": "POST"}, true)
	out = load.AppendHead(out, 2, nil, true)
	out = wire.AppendRecord(out, wire.TypeStdin, 1, make([]byte, 1<<20))
	_, err = conn.Write(wire.AppendRecord(out, wire.TypeStdin, 2, nil))
	var r load.Records
	for buf := make([]byte, 4096); err == nil && r.Ended == 0; {
		var n int
		if n, err = conn.Read(buf); err == nil {
			err = r.Take(buf[:n])
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "no", nil
	}
	return "yes", err
}
