package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// measureFile has a large file fetched over unix sockets and TCP: from the server, and from floors
// that read and write it.
func measureFile(o options) error {
	path, err := makeFile(o)
	if err != nil {
		return err
	}
	var failed []error
	for _, network := range []string{"unix", "tcp"} {
		fmt.Fprintln(o.out, "over", network)
		c := fileComparison(o, network, []fileServer{
			{"server", []string{"file", path}},
			{"nethttp.Server", []string{"stdfile", path}},
			{"64KiB", []string{"blocks", path, "65528"}},
			{"32KiB", []string{"blocks", path, "32768"}},
		})
		c.bounds = []rounds.Bound{{Of: "server", To: "64KiB"}, {Of: "server", To: "32KiB"}}
		if network == "unix" {
			c.bounds[0].Least, c.bounds[1].Least = 1, 2
		}
		failed = append(failed, c.run(o))
	}
	return errors.Join(append(failed, showCalls(o, path))...)
}

// measureSweep finds the best size of a record: the largest that does not make the system split
// pages. On a unix socket with its stock buffer all sizes are alike: Linux reports it writable when
// three quarters of the buffer are free, so that the two sides take turns.
func measureSweep(o options) error {
	path, err := makeFile(o)
	if err != nil {
		return err
	}
	for _, network := range []string{"unix", "tcp"} {
		fmt.Fprintln(o.out, "over", network)
		all := []fileServer{{"stock", []string{"sendfile", path, "61440", "stock"}}}
		for _, size := range []string{"65535", "65528", "61440", "57344", "53248", "49152", "32768", "16384"} {
			all = append(all, fileServer{size, []string{"sendfile", path, size}})
		}
		if err := fileComparison(o, network, all).run(o); err != nil {
			return err
		}
	}
	return nil
}

type fileServer struct {
	name   string
	server []string
}

func fileComparison(o options, network string, all []fileServer) comparison {
	c := comparison{unit: "MB", work: func(_ string, p *peer.Process) (float64, time.Duration, error) { return fetch(p, o.size) }}
	for _, f := range all {
		c.peers = append(c.peers, named(f.name, peer.Own(o.dir, network, f.server...)))
	}
	return c
}

// makeFile writes a file without holes: some file systems have one page for all holes.
func makeFile(o options) (path string, err error) {
	path = filepath.Join(o.dir, "large")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	line := make([]byte, 4096)
	for at := int64(0); at < o.size; at += int64(len(line)) {
		copy(line, fmt.Sprintf("%016x", at))
		if _, err := w.Write(line[:min(int64(len(line)), o.size-at)]); err != nil {
			return "", err
		}
	}
	return path, errors.Join(w.Flush(), f.Close())
}

// fetch asks once, and returns the megabytes that came.
func fetch(p *peer.Process, size int64) (float64, time.Duration, error) {
	l := load.FastCGI(p.Network, p.Addr, load.AppendGet(nil, 1, false), false)
	l.Size = size
	got, took, err := l.RunOnce()
	return float64(got) / 1e6, took, err
}
