package main

import (
	"context"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// cgikit runs the command in this process and returns its exit status.
func cgikit(args ...string) (status int, stdout, stderr string) {
	var out, errs strings.Builder
	p := &process{args: args, getenv: func(string) string { return "" }, stdout: &out, stderr: &errs}
	status = run(context.Background(), p)
	return status, out.String(), errs.String()
}

func TestExitStatus(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want int
	}{
		{"help", []string{"help"}, 0},
		{"no verb", nil, cli.StatusUsage},
		{"no such verb", []string{"x"}, cli.StatusUsage},
		{"no such flag", []string{"demo", "-x"}, cli.StatusUsage},
		{"flag without its value", []string{"demo", "--listen"}, cli.StatusUsage},
		{"no such target", []string{"serve", "-l", "http://127.0.0.1:0", "x"}, cli.StatusUsage},
		{"no such folder", []string{"serve", "-l", "http://127.0.0.1:0", "files:testdata/nowhere"}, cli.StatusUsage},
		{"no such script", []string{"serve", "-l", "http://127.0.0.1:0", "cgi:testdata/nowhere"}, cli.StatusUsage},
		{"no such root", []string{"serve", "-l", "http://127.0.0.1:0", "--root", "testdata/nowhere", "scgi://127.0.0.1:9"}, cli.StatusUsage},
		{"extension without a dot", []string{"serve", "-l", "http://127.0.0.1:0", "--root", ".", "--split-path", "php", "scgi://127.0.0.1:9"}, cli.StatusUsage},
		{"unknown peer in --allow", []string{"serve", "-l", "http://127.0.0.1:0", "--allow", "me", "demo:"}, cli.StatusUsage},
		{"address twice", []string{"serve", "-l", "http://127.0.0.1:1", "-l", "scgi://127.0.0.1:1", "demo:"}, cli.StatusUsage},
		{"metrics elsewhere", []string{"serve", "-l", "http://127.0.0.1:0", "--metrics", "192.0.2.1:0", "demo:"}, cli.StatusUsage},
		{"no such address", []string{"demo", "--listen", "192.0.2.1:0"}, cli.StatusFailure},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := cgikit(tt.args...)
			if status != tt.want {
				t.Errorf("got exit status %d; want %d", status, tt.want)
			}
			if (stdout == "") != (tt.want != 0) || (stderr == "") != (tt.want == 0) {
				t.Errorf("got stdout %q and stderr %q", stdout, stderr)
			}
			if tt.want != 0 && (!strings.HasPrefix(stderr, "cgikit: ") || !strings.Contains(stderr, "\nhint: ")) {
				t.Errorf("got %q; want a line and a hint", stderr)
			}
		})
	}
}
