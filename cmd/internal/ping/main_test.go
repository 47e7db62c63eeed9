package ping

import (
	"bytes"
	"context"
	"flag"
	"os"
	"testing"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "6") // some wait for a timeout; the flag -parallel still counts
	os.Exit(leaks.Run(m))
}

// outcome is what the command did.
type outcome struct {
	stdout, stderr string
	status         int
}

// runPing runs the command with an empty environment.
func runPing(t *testing.T, args ...string) outcome {
	t.Helper()
	return runPingWith(t, t.Context(), nil, args...)
}

func runPingWith(t *testing.T, ctx context.Context, env map[string]string, args ...string) outcome {
	t.Helper()
	o := new(Options)
	f := pflag.NewFlagSet("ping", pflag.ContinueOnError)
	o.AddFlags(f)
	if err := f.Parse(args); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	var stdout, stderr bytes.Buffer
	s := Streams{Stdout: &stdout, Stderr: &stderr, Getenv: func(name string) string { return env[name] }}
	err := Run(ctx, o, f.Args(), s)
	if err != nil {
		stderr.WriteString(cli.Message("ping", err))
	}
	return outcome{stdout.String(), stderr.String(), cli.Status(err)}
}

func parse(t *testing.T, name string) target.Target {
	t.Helper()
	parsed, err := target.Parse(name, "fastcgi", "scgi", "cgi", "http")
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
