// Package peer has the servers that the benchmarks compare, each in a process of its own: those of
// this program, which runs itself once more, and those that the machine may have. It says what is
// missing, and measures what a process and its children cost.
package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Peer is a server that can be started.
type Peer struct {
	Name    string
	Version string       // as its program reports it; "" for a server of this program
	Missing error        // why it cannot run on this machine, as far as is known before Prepare
	Build   func() error // makes its program; may be nil
	Start   func() (*Process, error)

	// LosesChildren is set for a server that ignores SIGCHLD: the system then forgets what its
	// children cost, and the processor time of a request is not known.
	LosesChildren bool
}

// Prepare builds the program if that is needed. It returns an error if the peer cannot run on this
// machine.
func (p Peer) Prepare() error {
	if p.Missing != nil || p.Build == nil {
		return p.Missing
	}
	return p.Build()
}

// Own is a server of this program, on a unix socket in dir, or on a port of the system's choice
// where network is "tcp". server is its name in the table of [Serve], and its arguments.
func Own(dir, network string, server ...string) Peer {
	return Peer{Name: server[0], Start: func() (*Process, error) { return StartSelf(dir, network, server) }}
}

// installed looks for a program, and asks it for its version by args.
func installed(name, program string, args ...string) (Peer, string) {
	path, err := exec.LookPath(program)
	p := Peer{Name: name, Missing: err}
	if err == nil && len(args) > 0 {
		p.Version = version(path, args...)
	}
	return p, path
}

var number = regexp.MustCompile(`\d+(\.\d+)+\S*`)

// version returns the first number with a dot in what the program prints.
func version(program string, args ...string) string {
	out, _ := exec.Command(program, args...).CombinedOutput() // some fail after they printed it
	return strings.TrimRight(string(number.Find(out)), ",;)")
}

// writeFile writes a configuration or a source, and returns its path.
func writeFile(dir, name string, text []byte) (string, error) {
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, text, 0o644)
}

// built runs a compiler, which writes the program, unless another peer in the same folder has it
// already. Its error has what the compiler printed.
func built(program string, cmd *exec.Cmd) error {
	if _, err := os.Stat(program); err == nil {
		return nil
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %.500s", filepath.Base(cmd.Path), err, out)
	}
	return nil
}
