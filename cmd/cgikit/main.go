package main

import (
	"context"
	"io"
	"os"
)

// process has what a verb may use of the operating system's process.
type process struct {
	args   []string // without the program's name
	getenv func(string) string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

func main() {
	p := &process{args: os.Args[1:], getenv: os.Getenv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(run(context.Background(), p))
}
