//go:build linux

package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed libfcgi/hello.c
var libfcgiSource []byte

// buildLibfcgi builds the peer in C, and returns how to start it, or nil where it cannot be built here.
func buildLibfcgi(s settings) func() (*child, error) {
	source, program := filepath.Join(s.dir, "hello.c"), filepath.Join(s.dir, "libfcgi")
	if err := os.WriteFile(source, libfcgiSource, 0o600); err != nil {
		fmt.Println("left out: libfcgi:", err)
		return nil
	}
	if out, err := exec.Command("cc", "-O2", "-o", program, source, "-lfcgi", "-lpthread").CombinedOutput(); err != nil {
		fmt.Printf("left out: libfcgi, for which cc and libfcgi-dev are needed: %v\n%s", err, out)
		return nil
	}
	return func() (*child, error) {
		return startChild("unix", exec.Command(program, "64", filepath.Join(s.dir, "libfcgi.sock")))
	}
}
