//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/testdata/bench/contest"
)

// transferMost is by how many bytes a gateway may grow while a transfer goes through it.
const transferMost = 32 << 20

var (
	waysIn  = []string{"http", "fastcgi", "scgi"}
	waysOut = []string{"local", "cgi", "fastcgi", "scgi"}
)

// measureTransfer sends a large body through each pair of a server and a target, and has one sent
// back. It prints how much larger than before the gateway's process ever was.
func measureTransfer(s settings) error {
	var over []error
	for _, in := range waysIn {
		for _, out := range waysOut {
			if pair := in + "-" + out; s.only != "" && !slices.Contains(strings.Split(s.only, ","), pair) {
				continue
			}
			if err := measurePair(s, in, out); err != nil {
				over = append(over, fmt.Errorf("%s in, %s out: %w", in, out, err))
			}
		}
	}
	return errors.Join(over...)
}

func measurePair(s settings, in, out string) error {
	target := ""
	if out == "fastcgi" || out == "scgi" {
		backend, err := startPair(s, out, "local", "")
		if err != nil {
			return err
		}
		defer backend.Stop()
		target = backend.Addr
	}
	c, err := startPair(s, in, out, target)
	if err != nil {
		return err
	}
	defer c.Stop()
	up, err := growth(c, in, upload, s.size)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	down, err := growth(c, in, download, s.size)
	if err != nil {
		return fmt.Errorf("download: %w", err)
	}
	fmt.Printf("%-8s in, %-8s out: grew by %5.1f MB for an upload of %d MB, by %5.1f MB for a download\n", in, out, mb(up), s.size>>20, mb(down))
	if max(up, down) > transferMost {
		return fmt.Errorf("grew by more than %d MB", transferMost>>20)
	}
	return nil
}

func mb(n int64) float64 { return float64(n) / (1 << 20) }

// startPair starts a gateway. HTTP goes over TCP, as it mostly does, the others over unix sockets.
func startPair(s settings, in, out, target string) (*contest.Child, error) {
	network := "unix"
	if in == "http" {
		network = "tcp"
	}
	return contest.StartSelf(s.dir, network, []string{"pair", in, out, target})
}

// growth counts from a gateway that has done the same already, with less: what it keeps once is not
// counted.
func growth(c *contest.Child, in string, transfer func(*contest.Child, string, int64) error, size int64) (int64, error) {
	if err := transfer(c, in, min(size, 1<<20)); err != nil {
		return 0, err
	}
	before, err := c.Resident()
	if err == nil {
		err = c.ResetPeak()
	}
	if err == nil {
		err = transfer(c, in, size)
	}
	if err != nil {
		return 0, err
	}
	after, err := c.Peak()
	return after - before, err
}

// servePair serves by one protocol, and asks by another.
func servePair(l net.Listener, args []string) error {
	app, err := targetApp(args[1], args[2])
	if err != nil {
		return err
	}
	switch args[0] {
	case "http":
		return http.Serve(l, httpapp.Handler(app))
	case "fastcgi":
		return (&fastcgi.Server{App: app}).Serve(l)
	default:
		return (&scgi.Server{App: app}).Serve(l)
	}
}

func targetApp(kind, addr string) (gateway.App, error) {
	h := &host.Handler{}
	switch kind {
	case "local":
		return gateway.AppFunc(transferApp), nil
	case "cgi":
		self, err := os.Executable()
		h.Backend = &cgi.Script{Path: self}
		return h, err
	case "fastcgi":
		// a connection costs nothing beside 1 GB, so none is kept
		h.Backend = &fastcgi.Client{Addr: "unix:" + addr}
	default:
		h.Backend = &scgi.Client{Addr: "unix:" + addr}
	}
	return h, nil
}

// serveScript is this program as a CGI script.
func serveScript() error { return cgi.Serve(gateway.AppFunc(transferApp)) }

// transferApp tells how many bytes it was sent, or sends as many as the query says.
func transferApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := w.Headers().Set("Content-Type", "application/octet-stream"); err != nil {
		return err
	}
	if r.Environ.Get("REQUEST_METHOD") == "POST" {
		n, err := io.Copy(io.Discard, r.Stdin)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(w, n)
		return err
	}
	n, err := strconv.ParseInt(r.Environ.Get("QUERY_STRING"), 10, 64)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, zeros(n))
	return err
}
