package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/cgikit/cgikit/gateway/spawn"
)

// workerProgram is a FastCGI program that answers with its process id.
type workerProgram struct {
	name  string
	make  func(dir string) (path string, args []string, err error)
	holds int // requests that a process has at most; 0 is all

	// loses is set for a program that breaks a request, or a connection that it has just accepted,
	// when it gets the stop signal in that moment.
	loses bool
}

func workerPrograms() []workerProgram {
	return []workerProgram{
		{name: "cgikit", make: makeOwnWorker},
		{name: "php-cgi", make: makePHPWorker, holds: 1},
		{name: "libfcgi", make: makeCWorker, holds: 1, loses: true},
		{name: "FCGI.pm", make: makePerlWorker, holds: 1, loses: true},
	}
}

func makeOwnWorker(dir string) (string, []string, error) {
	path := filepath.Join(dir, "worker-go")
	return path, nil, buildBy("go", "build", "-o", path, "github.com/cgikit/cgikit/cmd/internal/bench/program/worker")
}

func makePHPWorker(dir string) (string, []string, error) {
	path, err := exec.LookPath("php-cgi")
	return path, nil, errors.Join(err, os.WriteFile(filepath.Join(dir, workerScript), []byte("<?php echo getmypid();"), 0o600))
}

// workerScript is SCRIPT_FILENAME of the requests, which only PHP reads.
const workerScript = "pid.php"

func makeCWorker(dir string) (string, []string, error) {
	path, source := filepath.Join(dir, "worker-c"), filepath.Join(dir, "pid.c")
	const text = `#include <fcgi_stdio.h>
#include <unistd.h>
int main(void) {
	while (FCGI_Accept() >= 0) printf("Content-Type: text/plain\r\n\r\n%d", getpid());
	return 0;
}`
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	return path, nil, buildBy("cc", "-o", path, source, "-lfcgi")
}

func makePerlWorker(dir string) (string, []string, error) {
	const text = "use FCGI; my $r = FCGI::Request();\nwhile ($r->Accept() >= 0) { print \"Content-Type: text/plain\\r\\n\\r\\n$$\" }\n"
	script := filepath.Join(dir, "pid.pl")
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	path, err := exec.LookPath("perl")
	if err != nil {
		return "", nil, err
	}
	return path, []string{script}, buildBy(path, "-MFCGI", "-e", "1")
}

// buildBy runs a program that has no output if it succeeds.
func buildBy(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %.300s", name, err, out)
	}
	return nil
}

// newWorkers returns four workers of the program.
func (p workerProgram) newWorkers(dir string) (*spawn.Pool, error) {
	path, args, err := p.make(dir)
	if err != nil {
		return nil, err
	}
	env := append(spawn.Environ(), "PHP_FCGI_CHILDREN=0", "PHP_FCGI_MAX_REQUESTS=0")
	return &spawn.Pool{Path: path, Args: args, Env: env, Min: 4}, nil
}
