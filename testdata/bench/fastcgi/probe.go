//go:build linux

package main

import (
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/testdata/bench/contest"
)

// roles asks a server for each role, and returns the names of those that it does not refuse.
func roles(s settings, server string) (string, error) {
	c, err := contest.StartSelf(s.dir, "unix", []string{server})
	if err != nil {
		return "", err
	}
	defer c.Stop()
	var known []string
	for role, name := range []string{"responder", "authorizer", "filter"} {
		ok, err := hasRole(c, fastcgi.Role(role+1))
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
func hasRole(c *contest.Child, role fastcgi.Role) (bool, error) {
	request := appendGet(nil, 1, false)
	request[9] = byte(role) // BEGIN_REQUEST's content begins with it
	request = wire.AppendRecord(request, wire.TypeData, 1, nil)
	conn, err := net.Dial(c.Network, c.Addr)
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

// patience opens two requests, sends 1 MB of body to the app of the first, which never reads it,
// and behind that the end of the second.
func patience(s settings, server string) (string, error) {
	c, err := contest.StartSelf(s.dir, "unix", []string{server})
	if err != nil {
		return "", err
	}
	defer c.Stop()
	conn, err := net.Dial(c.Network, c.Addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return "", err
	}
	out := appendHead(nil, 1, "POST", true)
	out = appendHead(out, 2, "GET", true)
	out = wire.AppendRecord(out, wire.TypeStdin, 1, make([]byte, 1<<20))
	_, err = conn.Write(wire.AppendRecord(out, wire.TypeStdin, 2, nil))
	var t tally
	for buf := make([]byte, 4096); err == nil && t.ended == 0; {
		var n int
		if n, err = conn.Read(buf); err == nil {
			err = t.Take(buf[:n])
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "no", nil
	}
	return "yes", err
}
