package ping

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// TestMistakes: each mistake in the command line is one line with a hint, and exit status 2.
func TestMistakes(t *testing.T) {
	const target = "fastcgi://127.0.0.1:9000"
	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		want string
	}{
		{"bare socket", []string{"/run/php/php-fpm.sock"}, nil, "write fastcgi+unix:/run/php/php-fpm.sock"},
		{"bare address", []string{"127.0.0.1:9000"}, nil, "write fastcgi://127.0.0.1:9000"},
		{"not a target", []string{"files:."}, nil, "it asks fastcgi, scgi, cgi, http"},
		{"two formats", []string{"--json", "--openmetrics", target}, nil, "--json, --nagios and --openmetrics"},
		{"two questions", []string{"--path", "/a", "--status", "/b", target}, nil, "two questions"},
		{"condition and path", []string{"--path", "/a", "--fail-if", "slow-requests>0", target}, nil, "needs php-fpm's status page"},
		{"condition of SCGI", []string{"--fail-if", "slow-requests>0", "scgi://127.0.0.1:1"}, nil, "is not FastCGI"},
		{"path", []string{"--path", "ping", target}, nil, `--path "ping" is not a path`},
		{"path with a line end", []string{"--status", "/a\r\nb", target}, nil, "is not a path"},
		{"path of the environment", []string{target}, map[string]string{"FCGI_STATUS_PATH": "status"}, `FCGI_STATUS_PATH "status" is not a path`},
		{"FCGI_CONNECT", nil, map[string]string{"FCGI_CONNECT": "gopher://x"}, "FCGI_CONNECT"},
		{"status", []string{"--expect-status", "ok", target}, nil, "such as 200, 2xx"},
		{"body", []string{"--expect-body", "(", target}, nil, "it is a regular expression"},
		{"negative", []string{"--timeout", "-1s", target}, nil, "a time is negative"},
		{"interval", []string{"--interval", "0", target}, nil, "is too short"},
		{"colour", []string{"--color", "purple", target}, nil, "--color is auto, always or never"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := runPingWith(t, t.Context(), tt.env, tt.args...)
			if got.status != cli.StatusUsage || got.stdout != "" || !strings.Contains(got.stderr, tt.want) || strings.Count(got.stderr, "\n") != 2 {
				t.Errorf("got %+v; want %q, a hint and exit status 2", got, tt.want)
			}
			// Nagios reads standard output, and 2 would be CRITICAL
			got = runPingWith(t, t.Context(), tt.env, append([]string{"--nagios"}, tt.args...)...)
			if got.status != nagiosUnknown || !strings.HasPrefix(got.stdout, "PING UNKNOWN - ") {
				t.Errorf("got %+v; want UNKNOWN and exit status 3", got)
			}
		})
	}
}

// TestAliases: the options of php-fpm-healthcheck are conditions.
func TestAliases(t *testing.T) {
	o := new(Options)
	f := pflag.NewFlagSet("ping", pflag.ContinueOnError)
	o.AddFlags(f)
	if err := f.Parse([]string{"--listen-queue=10", "--idle-processes", "3"}); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(o.failIf, " "), "listen-queue>10 idle-processes>3"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	for _, name := range healthcheckOptions {
		if _, err := parseCondition(name, name+">1"); err != nil {
			t.Errorf("--%s: %v", name, err)
		}
	}
	if err := f.Parse([]string{"--slow-requests=many"}); err == nil {
		t.Error("a number that is none: got no error")
	}
}

// TestExamples: the examples of the help have a command line that is right.
func TestExamples(t *testing.T) {
	n := 0
	for line := range strings.Lines(Examples("cgikit-ping")) {
		command, _, _ := strings.Cut(line, " # ")
		args := strings.Fields(command)
		if len(args) == 0 || args[0] != "cgikit-ping" {
			continue
		}
		n++
		o := new(Options)
		f := pflag.NewFlagSet("ping", pflag.ContinueOnError)
		o.AddFlags(f)
		for i := range args {
			args[i] = strings.Trim(args[i], "'")
		}
		err := f.Parse(args[1:])
		if err == nil {
			_, err = newPlan(o, f.Args(), func(string) string { return "" })
		}
		if err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	if n < 5 {
		t.Errorf("got %d examples", n)
	}
	for line := range strings.Lines(Help) {
		if len(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("a line of the help is wider than a terminal: %q", line)
		}
	}
}

func TestStatuses(t *testing.T) {
	for _, tt := range []struct {
		list string
		want []statusRange
	}{
		{"200", []statusRange{{200, 200}}},
		{"2xx", []statusRange{{200, 299}}},
		{"2XX,404", []statusRange{{200, 299}, {404, 404}}},
		{"200-399, 500", []statusRange{{200, 399}, {500, 500}}},
	} {
		got, err := parseStatuses(tt.list)
		if err != nil || len(got) != len(tt.want) || got[0] != tt.want[0] || got[len(got)-1] != tt.want[len(got)-1] {
			t.Errorf("%q: got %v, %v; want %v", tt.list, got, err, tt.want)
		}
	}
	for _, list := range []string{"ok", "99", "600", "300-200", "2x-3x", "200,", "-200", "xxx"} {
		if got, err := parseStatuses(list); err == nil {
			t.Errorf("%q: got %v", list, got)
		}
	}
}
