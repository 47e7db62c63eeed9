package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/ping"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name           string
		args           []string
		status         int
		stdout, stderr string // parts of the output
	}{
		{"help", []string{"--help"}, 0, "cgikit-ping --live fastcgi://127.0.0.1:9000", ""},
		{"unknown flag", []string{"--nope"}, 2, "", "cgikit-ping: unknown flag: --nope\nhint: \"cgikit-ping --help\" tells what there is\n"},
		{"bare address", []string{"127.0.0.1:9000"}, 2, "", "hint: write fastcgi://127.0.0.1:9000"},
		{"no socket", []string{"--timeout=1m", "fastcgi+unix:/nonexistent/s"}, 1, "dead: connect /nonexistent/s: ", "hint: "},
		{"quiet", []string{"-q", "--timeout=1m", "fastcgi+unix:/nonexistent/s"}, 1, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			err := run(t.Context(), tt.args, ping.Streams{Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" }})
			if err != nil {
				stderr.WriteString(cli.Message("cgikit-ping", err))
			}
			if cli.Status(err) != tt.status || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("got %d, %.500q, %.500q", cli.Status(err), stdout.String(), stderr.String())
			}
			if (tt.stdout == "") != (stdout.Len() == 0) || (tt.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("got %.500q and %.500q", stdout.String(), stderr.String())
			}
		})
	}
}
