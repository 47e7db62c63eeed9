package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// clientConns is how many connections a client may keep: more than it has requests at the same
// time.
const clientConns = 2000

// serveClient sends requests to the application at a unix socket, over shared connections where
// the second argument is "multiplex", and over a kept one each otherwise. Each line that it reads
// is the number of requests at the same time, the number of variables, and for how many
// nanoseconds requests are sent. It answers with the number of requests, or with an error in
// quotes.
func serveClient(l net.Listener, args []string) error {
	client := &fastcgi.Client{Addr: "unix:" + args[0], Multiplex: args[1] == "multiplex", MaxIdleConns: clientConns}
	defer client.Close()
	return serveEach(l, func(c net.Conn) error {
		for lines := bufio.NewScanner(c); lines.Scan(); {
			var streams, variables int
			var span time.Duration
			_, err := fmt.Sscan(lines.Text(), &streams, &variables, (*int64)(&span))
			var n int64
			if err == nil {
				n, err = sendRequests(client, streams, variables, span)
			}
			text := fmt.Sprint(n)
			if err != nil {
				text = fmt.Sprintf("%.500q", err)
			}
			if _, err := fmt.Fprintln(c, text); err != nil {
				return err
			}
		}
		return nil
	})
}

// sendRequests returns how many were answered.
func sendRequests(client gateway.Backend, streams, variables int, span time.Duration) (int64, error) {
	set := map[string]string{}
	for _, v := range load.SomeVariables(variables) {
		set[v[0]] = v[1]
	}
	environ := util.EnvironFromMap(set)
	var sent atomic.Int64
	failed := make([]error, streams)
	var group sync.WaitGroup
	until := time.Now().Add(span)
	for i := range streams {
		group.Go(func() {
			for failed[i] == nil && time.Now().Before(until) {
				failed[i] = sendRequest(client, &gateway.Request{Environ: environ})
				sent.Add(1)
			}
		})
	}
	group.Wait()
	return sent.Load(), errors.Join(failed...)
}

func sendRequest(client gateway.Backend, r *gateway.Request) error {
	resp, err := client.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && n != int64(len(work.Hello)) {
		err = fmt.Errorf("%d bytes of body; want %d", n, len(work.Hello))
	}
	return err
}
