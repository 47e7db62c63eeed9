package main

import (
	"os"
	"path/filepath"
)

// result is what was measured of a pair. front is zero where the listener speaks HTTP.
type result struct {
	down, up     float64 // MB a second
	serve, front memory
}

// measure starts the processes of a pair, and sends a small body and a large one.
func measure(command, in, to string, size int64) (r result, err error) {
	dir, err := os.MkdirTemp("", "cgikit-matrix-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	var all processes
	defer all.stop()
	target, extra, err := startTarget(&all, to, dir)
	if err != nil {
		return r, err
	}
	socket := in + "+unix:" + filepath.Join(dir, "in.sock")
	if in == "http" {
		socket = "http://127.0.0.1:0"
	}
	serve, url, err := all.start(command, append([]string{"serve", "-l", socket, "--max-body", "0", target}, extra...), nil)
	if err != nil {
		return r, err
	}
	front := serve
	if in != "http" {
		if front, url, err = all.start(command, []string{"serve", "-l", "http://127.0.0.1:0", "--max-body", "0", socket}, nil); err != nil {
			return r, err
		}
	}
	return transfer(url, serve, front, size)
}

// startTarget starts the application, and returns how serve calls it.
func startTarget(all *processes, kind, dir string) (target string, extra []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	if kind == "cgi" {
		return "cgi:" + self, []string{"--env", appVariable + "=1"}, nil
	}
	protocol := kind
	if kind == "gofast" {
		protocol, extra = "fastcgi", []string{"--fastcgi-engine", "gofast"}
	}
	target = protocol + "+unix:" + filepath.Join(dir, "app.sock")
	_, _, err = all.start(self, nil, []string{appVariable + "=1", "CGIKIT_LISTEN=" + target})
	return target, extra, err
}

// transfer sends the bodies.
func transfer(url string, serve, front int, size int64) (r result, err error) {
	const small = 4 << 20
	if _, err = download(url, small); err == nil {
		_, err = upload(url, small)
	}
	if err != nil {
		return r, err
	}
	if r.serve, err = begin(serve); err != nil {
		return r, err
	}
	if r.front, err = begin(front); err != nil {
		return r, err
	}
	if r.down, err = download(url, size); err != nil {
		return r, err
	}
	if r.up, err = upload(url, size); err != nil {
		return r, err
	}
	if err := r.serve.end(); err != nil {
		return r, err
	}
	err = r.front.end()
	if front == serve {
		r.front = memory{}
	}
	return r, err
}
