//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/cgikit/cgikit/testdata/bench/contest"
)

// measureFile has a large file fetched over unix sockets and TCP: from the server, and from floors
// that read and write it.
func measureFile(s settings) error {
	path, err := makeFile(s)
	if err != nil {
		return err
	}
	var failed []error
	for _, network := range []string{"unix", "tcp"} {
		fmt.Println("over", network)
		c := fileContest(s, network, []fileServer{
			{"server", []string{"file", path}},
			{"nethttp.Server", []string{"stdfile", path}},
			{"64 KiB", []string{"blocks", path, "65528"}},
			{"32 KiB", []string{"blocks", path, "32768"}},
		})
		c.Bounds = []contest.Bound{{Of: "server", To: "64 KiB", Least: 0}, {Of: "server", To: "32 KiB", Least: 0}}
		if network == "unix" {
			c.Bounds[0].Least, c.Bounds[1].Least = 1, 2
		}
		failed = append(failed, c.Run(s.rounds, s.only))
	}
	return errors.Join(append(failed, showCalls(s, path))...)
}

// measureSweep finds the best size of a record: the most that does not make the system split pages.
// A unix socket with its stock buffer makes all sizes alike: Linux calls it writable when three
// quarters of the buffer are free, so that the two sides take turns.
func measureSweep(s settings) error {
	path, err := makeFile(s)
	if err != nil {
		return err
	}
	for _, network := range []string{"unix", "tcp"} {
		fmt.Println("over", network)
		all := []fileServer{{"stock buffer", []string{"sendfile", path, "61440", "stock"}}}
		for _, size := range []string{"65535", "65528", "61440", "57344", "53248", "49152", "32768", "16384"} {
			all = append(all, fileServer{size, []string{"sendfile", path, size}})
		}
		if err := fileContest(s, network, all).Run(s.rounds, s.only); err != nil {
			return err
		}
	}
	return nil
}

type fileServer struct {
	name   string
	server []string
}

func fileContest(s settings, network string, all []fileServer) *contest.Contest {
	c := &contest.Contest{Unit: "MB", Work: func(c *contest.Child) (float64, time.Duration, error) { return fetch(c, s.size) }}
	for _, f := range all {
		c.Entries = append(c.Entries, &contest.Entry{Name: f.name, Start: func() (*contest.Child, error) { return contest.StartSelf(s.dir, network, f.server) }})
	}
	return c
}

// makeFile writes a real file: the pages of a sparse one are all the same page to some file
// systems.
func makeFile(s settings) (path string, err error) {
	path = filepath.Join(s.dir, "large")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	line := make([]byte, 4096)
	for at := int64(0); at < s.size; at += int64(len(line)) {
		copy(line, fmt.Sprintf("%016x", at))
		if _, err := w.Write(line[:min(int64(len(line)), s.size-at)]); err != nil {
			return "", err
		}
	}
	return path, errors.Join(w.Flush(), f.Close())
}

// fetch asks once, and returns the megabytes that came.
func fetch(c *contest.Child, size int64) (float64, time.Duration, error) {
	begin := time.Now()
	conn, err := net.Dial(c.Network, c.Addr)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	if _, err := conn.Write(appendGet(nil, 1, false)); err != nil {
		return 0, 0, err
	}
	var t tally
	for buf := make([]byte, 256<<10); !t.whole(1); {
		n, err := conn.Read(buf)
		if err != nil {
			return 0, 0, fmt.Errorf("after %d bytes of body: %w", t.body, err)
		}
		if err := t.Take(buf[:n]); err != nil {
			return 0, 0, err
		}
	}
	if t.body < size || t.body > size+4096 {
		return 0, 0, fmt.Errorf("got %d bytes, head and all, of %d", t.body, size)
	}
	return float64(size) / 1e6, time.Since(begin), nil
}
