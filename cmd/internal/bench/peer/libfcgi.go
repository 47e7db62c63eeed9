package peer

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Libfcgi is the application of the benchmarks in C on libfcgi, with as many threads, each of which
// has one connection at a time.
func Libfcgi(dir string, threads int) Peer {
	p := Peer{Name: "libfcgi", Version: packageVersion("libfcgi-dev")}
	program := filepath.Join(dir, "libfcgi")
	p.Build = func() error {
		path, err := source(dir, "libfcgi.c")
		if err != nil {
			return err
		}
		if err := built(program, exec.Command("cc", "-O2", "-o", program, path, "-lfcgi", "-lpthread")); err != nil {
			return fmt.Errorf("needs cc and libfcgi-dev: %w", err)
		}
		return nil
	}
	p.Start = func() (*Process, error) {
		return StartReady("unix", exec.Command(program, strconv.Itoa(threads), Socket(dir, "libfcgi")))
	}
	return p
}

// packageVersion returns the version of a Debian package, and "" elsewhere.
func packageVersion(name string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil {
		return ""
	}
	return string(out)
}
