package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

func newServeFlags(t *testing.T) *pflag.FlagSet {
	t.Helper()
	c, _, err := newRoot(&process{getenv: func(string) string { return "" }}).Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	return c.Flags()
}

// TestEveryFlagHasAVariable: each flag takes its value from the environment, a list if its help
// says that it may be given several times, and no variable has another meaning.
func TestEveryFlagHasAVariable(t *testing.T) {
	values := map[string]string{"bool": "true", "duration": "7s", "int": "7", "uint64": "7", "size": "7M", "number": "7", "which": "all", "where": "server", "path=folder": "/p=/srv"}
	flags := newServeFlags(t)
	flags.VisitAll(func(f *pflag.Flag) {
		value, name := values[f.Value.Type()], variableOf(f.Name)
		if value == "" {
			value = "/word"
		}
		if strings.Contains(f.Usage, "several times") != isList(f.Value) {
			t.Errorf("--%s: a list is %t, and the help says: %s", f.Name, isList(f.Value), f.Usage)
		}
		if slices.Contains([]string{childVariable, "CGIKIT_CHILD_OF_INIT", "CGIKIT_REQUIRE"}, name) {
			t.Errorf("%s has another meaning", name)
		}
		e := make(fromEnvironment)
		err := e.setFlags(flags, func(v string) string {
			if v == name {
				return value
			}
			return ""
		})
		if err != nil || !f.Changed || !strings.Contains(f.Value.String(), value) {
			t.Errorf("%s=%s: got %s, %v", name, value, f.Value, err)
		}
	})
}

// TestFlagsFromEnvironment checks lists, the command line, and empty variables.
func TestFlagsFromEnvironment(t *testing.T) {
	env := map[string]string{
		"CGIKIT_LISTEN":      " http://127.0.0.1:1  scgi://127.0.0.1:2 ",
		"CGIKIT_ROOT":        "/a folder",
		"CGIKIT_TIMEOUT":     "",
		"CGIKIT_ALLOW":       "10.0.0.0/8",
		"CGIKIT_STRICT_EXIT": "1",
		"GATEWAY_INTERFACE":  "CGI/1.1",
		"CGIKIT_PORT":        "tcp://10.0.0.1:80",
	}
	flags := newServeFlags(t)
	if err := flags.Parse([]string{"--allow", "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	if err := make(fromEnvironment).setFlags(flags, func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"listen": "[http://127.0.0.1:1,scgi://127.0.0.1:2]", "root": "/a folder", "timeout": "0s", "allow": "[127.0.0.1]",
		"strict-exit": "false",
	} {
		if got := flags.Lookup(name).Value.String(); got != want {
			t.Errorf("--%s: got %s; want %s", name, got, want)
		}
	}
}

// TestTargetsFromEnvironment: arguments win, and only TARGETs that may be several are split.
func TestTargetsFromEnvironment(t *testing.T) {
	for _, test := range []struct {
		value      string
		args, want []string
	}{
		{"demo:", []string{"files:."}, []string{"files:."}},
		{"", nil, nil},
		{" ", nil, nil},
		{" fastcgi://a:1  fastcgi+unix:/s ", nil, []string{"fastcgi://a:1", "fastcgi+unix:/s"}},
		{"spawn:php-cgi -d memory_limit=1G", nil, []string{"spawn:php-cgi -d memory_limit=1G"}},
		{"files:/srv/my site", nil, []string{"files:/srv/my site"}},
		{"cgi:/srv/my site", nil, []string{"cgi:/srv/my site"}},
		{"cgi:/usr/lib/cgi-bin cgi:/srv/my site", nil, []string{"cgi:/usr/lib/cgi-bin", "cgi:/srv/my site"}},
	} {
		got := make(fromEnvironment).targets(test.args, func(string) string { return test.value })
		if !slices.Equal(got, test.want) {
			t.Errorf("%q, %q: got %q; want %q", test.value, test.args, got, test.want)
		}
	}
}

// TestMistakesNameVariables: a mistake that is found after the flags are set names the variable
// too.
func TestMistakesNameVariables(t *testing.T) {
	e := fromEnvironment{"ready": {"often"}, "listen": {"x:", "http://127.0.0.1:0"}, "metrics": {"y"}}
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"flag", cli.Usage(errors.New("--ready needs more"), "h"), "--ready needs more (from CGIKIT_READY)"},
		{"value", cli.Usage(errors.New(`listen: address "x:" is wrong`), "h"), `listen: address "x:" is wrong (from CGIKIT_LISTEN)`},
		{"both", cli.Usage(errors.New(`"x:" and --ready`), "h"), `"x:" and --ready (from CGIKIT_LISTEN, CGIKIT_READY)`},
		{"longer flag", cli.Usage(errors.New("--ready-soon"), "h"), "--ready-soon"},
		{"of the command line", cli.Usage(errors.New("--root"), "h"), "--root"},
		{"no mistake of the user", errors.New("--ready"), "--ready"},
	} {
		got := e.addVariables(test.err)
		if got.Error() != test.want || cli.Hint(got) != cli.Hint(test.err) || cli.Status(got) != cli.Status(test.err) {
			t.Errorf("%s: got %q; want %q", test.name, got, test.want)
		}
	}
}
