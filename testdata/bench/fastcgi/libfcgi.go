//go:build linux

package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/cgikit/cgikit/testdata/bench/contest"
)

//go:embed libfcgi/hello.c
var libfcgiSource []byte

// buildLibfcgi builds the peer in C, and returns how to start it, or nil where it cannot be built
// here.
func buildLibfcgi(s settings) func() (*contest.Child, error) {
	source, program := filepath.Join(s.dir, "hello.c"), filepath.Join(s.dir, "libfcgi")
	if err := os.WriteFile(source, libfcgiSource, 0o600); err != nil {
		fmt.Println("left out: libfcgi:", err)
		return nil
	}
	if out, err := exec.Command("cc", "-O2", "-o", program, source, "-lfcgi", "-lpthread").CombinedOutput(); err != nil {
		fmt.Printf("left out: libfcgi, for which cc and libfcgi-dev are needed: %v\n%s", err, out)
		return nil
	}
	return func() (*contest.Child, error) {
		return contest.StartChild("unix", exec.Command(program, "64", filepath.Join(s.dir, "libfcgi.sock")))
	}
}
