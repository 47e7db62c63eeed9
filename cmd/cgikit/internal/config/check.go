package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/testdata/conf"
)

// checkLimit bounds the check of a server.
const checkLimit = time.Minute

// Check gives the whole configuration that o asks for to the server's own check of the syntax. It
// returns a line that says which program accepts it. An error has what the program says.
// Options.Dir is not used: the server's files are in a temporary folder, which is removed.
func Check(ctx context.Context, o Options) (string, error) {
	server := serverOf(o.Server)
	if server == "docker" || server == "kubernetes" {
		return "", cli.Usage(fmt.Errorf("--test: there is no check for %s that works without a daemon or a cluster", server), "leave --test out")
	}
	dir, err := os.MkdirTemp("", "cgikit-config-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if server != "systemd" {
		o.Full, o.Dir = true, dir
	}
	p, err := newPlan(o)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	cmd, err := p.checkCommand(ctx, dir)
	if err != nil {
		return "", err
	}
	return p.runCheck(ctx, cmd, dir)
}

// programs are those that check a configuration, where their name is not that of the server.
var programs = map[string]string{"systemd": "systemd-analyze"}

// checkCommand writes the configuration to dir, and returns the command that checks it.
func (p *plan) checkCommand(ctx context.Context, dir string) (*exec.Cmd, error) {
	server := p.choice.server
	program := server
	if programs[server] != "" {
		program = programs[server]
	}
	binary, err := conf.Find(program)
	if err != nil {
		return nil, cli.Failure(fmt.Errorf("--test: %w", err), "install "+program+", or check the configuration where it is")
	}
	files, err := p.writeFiles(dir)
	if err != nil {
		return nil, err
	}
	if server == "systemd" {
		return exec.CommandContext(ctx, binary, append([]string{"verify"}, files...)...), nil
	}
	return conf.Check(ctx, server, binary, files[0], dir), nil
}

// unitNames are the names of the files of systemd. A service finds its socket by the name.
var unitNames = map[string]string{
	"systemd.service": "cgikit.service", "systemd.socket": "cgikit.socket",
	"systemd.fcgiwrap-service": "fcgiwrap.service", "systemd.fcgiwrap-socket": "fcgiwrap.socket",
	"systemd.user-service": "cgikit@.service", "systemd.user-socket": "cgikit@.socket",
}

// writeFiles writes the configurations to dir, and returns the paths of those that were asked for.
// A unit alone refers to its other one, so that is written too.
func (p *plan) writeFiles(dir string) ([]string, error) {
	names := p.choice.names
	if p.choice.server == "systemd" {
		names = conf.WholeNames()
	}
	var files []string
	for _, name := range names {
		file := "server.conf"
		if p.choice.server == "systemd" {
			if file = unitNames[name]; file == "" {
				continue
			}
		}
		var text bytes.Buffer
		if err := p.write(&text, name); err != nil {
			return nil, err
		}
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
			return nil, err
		}
		files = append(files, path)
	}
	return files, nil
}

func (p *plan) runCheck(ctx context.Context, cmd *exec.Cmd, dir string) (string, error) {
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	said := summary(string(out), dir)
	program := filepath.Base(cmd.Path)
	// systemd-analyze reports a mistake in a line, and then ignores the line
	warned := p.choice.server == "systemd" && said != ""
	switch exit := (*exec.ExitError)(nil); {
	case ctx.Err() != nil:
		return "", cli.Failure(fmt.Errorf("--test: %s did not end in time", program), "run it by hand: cgikit config "+p.options.Server+" --full")
	case err == nil && !warned:
		return program + " accepts the configuration " + strings.Join(p.choice.names, ", "), nil
	case err != nil && !errors.As(err, &exit):
		return "", fmt.Errorf("--test: %s: %w", program, err)
	case said == "":
		said = err.Error()
	}
	return "", cli.Failure(fmt.Errorf("--test: %s refuses the configuration: %s", program, said), "\"cgikit config "+p.options.Server+" --full\" prints it")
}

// mostSaid bounds what is cited of a server.
const mostSaid = 600

// important are the lines in which servers say what is wrong.
var important = regexp.MustCompile(`(?i)\b(emerg|alert|error|fatal|syntax|invalid|unknown|ignoring|failed|not found|cannot|no such)`)

// summary puts what a server said into one line, from the first line that says what is wrong on.
// The temporary folder is not of interest.
func summary(out, dir string) string {
	var lines []string
	begun := false
	for line := range strings.Lines(strings.ReplaceAll(out, dir+string(filepath.Separator), "")) {
		line = strings.TrimSpace(line)
		if !begun && important.MatchString(line) {
			lines, begun = nil, true // what came before is not part of it
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	text := strings.Join(lines, "; ")
	if len(text) > mostSaid {
		text = text[:mostSaid] + "..."
	}
	return text
}
