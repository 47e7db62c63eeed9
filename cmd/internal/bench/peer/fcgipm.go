package peer

import (
	"fmt"
	"os/exec"
	"strconv"
)

// FCGIPM is the application of the benchmarks on Perl's FCGI.pm, in as many processes, each of
// which has one connection at a time.
func FCGIPM(dir string, processes int) Peer {
	p, perl := installed("FCGI.pm", "perl")
	p.Build = func() error {
		if err := built("", exec.Command(perl, "-MFCGI", "-e", "1")); err != nil {
			return fmt.Errorf("needs libfcgi-perl: %w", err)
		}
		return nil
	}
	p.Version = packageVersion("libfcgi-perl")
	p.Start = func() (*Process, error) {
		path, err := source(dir, "fcgi.pl")
		if err != nil {
			return nil, err
		}
		socket := Socket(dir, "fcgi.pm")
		return StartProgram("unix", socket, exec.Command(perl, path, strconv.Itoa(processes), socket))
	}
	return p
}
