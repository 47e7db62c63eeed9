package main

import (
	"errors"
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
)

// transferMost is the most bytes by which a gateway may grow while a transfer goes through it.
const transferMost = 32 << 20

var (
	waysIn  = []string{"http", "fastcgi", "scgi"}
	waysOut = []string{"local", "cgi", "fastcgi", "scgi"}
)

// measureTransfer sends a large body through each pair of a server and a target, and has one sent
// back. It prints by how much the gateway's process grew.
func measureTransfer(o options) error {
	var over []error
	for _, in := range waysIn {
		for _, out := range waysOut {
			if !o.takes(in + "-" + out) {
				continue
			}
			if err := measurePair(o, in, out); err != nil {
				over = append(over, fmt.Errorf("%s in, %s out: %w", in, out, err))
			}
		}
	}
	return errors.Join(over...)
}

func measurePair(o options, in, out string) error {
	target := ""
	if out == "fastcgi" || out == "scgi" {
		backend, err := startPair(o, out, "local", "")
		if err != nil {
			return err
		}
		defer backend.Stop()
		target = backend.Addr
	}
	p, err := startPair(o, in, out, target)
	if err != nil {
		return err
	}
	defer p.Stop()
	up, err := transferred(p, in, upload, o.size)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	down, err := transferred(p, in, download, o.size)
	if err != nil {
		return fmt.Errorf("download: %w", err)
	}
	fmt.Fprintf(o.out, "%-8s in, %-8s out: grew by %5.1f MB for an upload of %d MB, by %5.1f MB for a download\n", in, out, mb(up), o.size>>20, mb(down))
	if max(up, down) > transferMost {
		return fmt.Errorf("grew by more than %d MB", transferMost>>20)
	}
	return nil
}

func mb(n int64) float64 { return float64(n) / (1 << 20) }

// startPair starts a gateway. HTTP goes over TCP, as it mostly does, the others over unix sockets.
func startPair(o options, in, out, target string) (*peer.Process, error) {
	network := "unix"
	if in == "http" {
		network = "tcp"
	}
	return peer.StartSelf(o.dir, network, []string{"pair", in, out, target})
}

// transferred returns by how much a gateway grew during a transfer of so many bytes.
func transferred(p *peer.Process, in string, transfer func(p *peer.Process, protocol string, size int64) error, size int64) (int64, error) {
	return growth(p, func() error { return transfer(p, in, min(size, 1<<20)) }, func() error { return transfer(p, in, size) })
}
