package request

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

const environHint = "write NAME=VALUE; NAME= takes a variable away"

// applyFlags changes the variables as --env-file and -e say, in this order.
func (r *Request) applyFlags(v *variables) error {
	for _, file := range r.EnvFiles {
		if err := applyFile(v, file); err != nil {
			return err
		}
	}
	for _, text := range r.Env {
		if err := v.apply(text, "-e"); err != nil {
			return cli.Usage(fmt.Errorf("-e %.100q: %w", text, err), environHint)
		}
	}
	return nil
}

// apply sets NAME=VALUE; without a value it removes the variable.
func (v *variables) apply(text, source string) error {
	name, value, found := strings.Cut(text, "=")
	switch {
	case !found:
		return errors.New("has no equals sign")
	case name == "" || strings.ContainsAny(name, " \t\x00"):
		return errors.New("has no name that a variable can have")
	case strings.ContainsRune(value, 0):
		return errors.New("has a NUL in it")
	case value == "":
		v.remove(name)
	default:
		v.set(name, value, source)
	}
	return nil
}

// maxEnvLine bounds a line of an environ file, in bytes: more than a server accepts.
const maxEnvLine = 1 << 20

// applyFile reads lines NAME=VALUE. Empty lines, and those that begin with #, have no meaning.
func applyFile(v *variables, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return cli.Usage(fmt.Errorf("--env-file %.200q: %w", file, cli.WithoutPath(err)), "the file has lines NAME=VALUE")
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxEnvLine)
	number := 0
	for lines.Scan() {
		number++
		text := strings.TrimSuffix(lines.Text(), "\r")
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if err := v.apply(text, "--env-file"); err != nil {
			return cli.Usage(fmt.Errorf("%.200s line %d: %.100q %w", file, number, text, err), environHint)
		}
	}
	if err := lines.Err(); err != nil {
		return cli.Usage(fmt.Errorf("--env-file %.200q: %w", file, cli.WithoutPath(err)), "the file has lines NAME=VALUE")
	}
	return nil
}
