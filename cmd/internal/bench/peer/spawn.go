package peer

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// Managed returns one process of the same program in C, with one connection at a time, under
// spawn-fcgi and under "cgikit spawn".
func Managed(dir string) []Peer {
	worker, cgikit := filepath.Join(dir, "worker"), filepath.Join(dir, "cgikit-spawn")
	other, program := installed("spawn-fcgi", "spawn-fcgi", "-v")
	other.Build = func() error { return buildWorker(dir, worker) }
	other.Start = func() (*Process, error) {
		socket := Socket(dir, "spawn-fcgi")
		return StartProgram("unix", socket, exec.Command(program, "-n", "-s", socket, "--", worker))
	}
	own := Peer{Name: "cgikit"}
	own.Build = func() error {
		if err := buildWorker(dir, worker); err != nil {
			return err
		}
		return built(cgikit, exec.Command("go", "build", "-o", cgikit, "github.com/cgikit/cgikit/cmd/cgikit"))
	}
	own.Start = func() (*Process, error) {
		socket := Socket(dir, "spawn")
		return StartProgram("unix", socket, exec.Command(cgikit, "spawn", "-l", "fastcgi+unix:"+socket, "-n", "1", "--", worker))
	}
	return []Peer{other, own}
}

func buildWorker(dir, program string) error {
	path, err := source(dir, "worker.c")
	if err != nil {
		return err
	}
	if err := built(program, exec.Command("cc", "-O2", "-o", program, path, "-lfcgi")); err != nil {
		return fmt.Errorf("needs cc and libfcgi-dev: %w", err)
	}
	return nil
}
