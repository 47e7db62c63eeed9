package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// screen is how many lines of 100 columns the help of the command may have.
const screen = 40

func TestHelpFitsAScreen(t *testing.T) {
	_, stdout, _ := cgikit("--help")
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) > screen {
		t.Errorf("got %d lines; want at most %d", len(lines), screen)
	}
	for _, line := range lines {
		if len(line) > 100 {
			t.Errorf("got %d columns in %q; want at most 100", len(line), line)
		}
	}
	if !strings.HasPrefix(stdout, "cgikit is ") || !strings.Contains(lines[2], "cgikit serve") {
		t.Errorf("the help does not begin with what the command is and what people do with it:\n%s", stdout)
	}
}

// TestVerbsAreDocumented: each verb has a group, a long text, examples, and flags that say what
// they do, each name once.
func TestVerbsAreDocumented(t *testing.T) {
	for _, c := range verbs() {
		t.Run(c.Name(), func(t *testing.T) {
			if c.GroupID == "" || c.Long == "" {
				t.Errorf("got group %q and a long text of %d bytes", c.GroupID, len(c.Long))
			}
			for line := range strings.Lines(c.Long) {
				if len(line) > 101 {
					t.Errorf("got %d columns in %q; want at most 100", len(line)-1, line)
				}
			}
			if !strings.HasPrefix(c.Example, "  cgikit "+c.Name()) {
				t.Errorf("got examples %q; want lines that begin with the verb", c.Example)
			}
			seen := make(map[string]bool)
			c.Flags().VisitAll(func(f *pflag.Flag) {
				if f.Usage == "" || seen[f.Usage] {
					t.Errorf("--%s is not documented, or as another flag is: %q", f.Name, f.Usage)
				}
				seen[f.Usage] = true
			})
		})
	}
}

// verbs are those of this module, without those that cobra adds.
func verbs() []*cobra.Command {
	var list []*cobra.Command
	for _, c := range newRoot(&process{getenv: os.Getenv}).Commands() {
		if c.Name() != "help" && c.Name() != "completion" {
			list = append(list, c)
		}
	}
	return list
}

// TestFlagsFitATerminal: a long description goes on below its beginning, and not at the left edge.
func TestFlagsFitATerminal(t *testing.T) {
	for _, name := range []string{"serve", "spawn", "request"} {
		root, out := newRoot(&process{getenv: os.Getenv}), new(strings.Builder)
		root.SetUsageTemplate(usage(100))
		root.SetOut(out)
		root.SetArgs([]string{name, "--help"})
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		_, flags, _ := strings.Cut(out.String(), "\nFlags:\n")
		flags, _, _ = strings.Cut(flags, "\n\n")
		for line := range strings.Lines(flags) {
			if len(line) > 101 || !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: got %d columns in %q; want at most 100, and an indent", name, len(line)-1, line)
			}
		}
	}
}

// TestManPages builds the program that writes the manual pages, and looks for each verb and flag.
func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("go", "run", "-tags", "man", ".", "man", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	for _, c := range verbs() {
		page, err := os.ReadFile(filepath.Join(dir, "cgikit-"+c.Name()+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(string(page), "--"+f.Name) {
				t.Errorf("the page of %s has no --%s", c.Name(), f.Name)
			}
		})
		if !strings.Contains(string(page), ".SH EXAMPLE") {
			t.Errorf("the page of %s has no examples", c.Name())
		}
	}
}

// TestCompletion: the script for the shell asks the command, which answers for verbs, for flags and
// for the servers of config.
func TestCompletion(t *testing.T) {
	for shell, want := range map[string]string{"bash": "__start_cgikit", "zsh": "#compdef cgikit", "fish": "complete -c cgikit", "powershell": "Register-ArgumentCompleter"} {
		if status, stdout, stderr := cgikit("completion", shell); status != 0 || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("%s: got %d, %.200q, %q; want a script with %q", shell, status, stdout, stderr, want)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"config", ""}, "nginx\t"},
		{[]string{"config", ""}, "kubernetes\t"},
		{[]string{"config", ""}, "lighttpd-fastcgi-spawn\t"},
		{[]string{"config", "--sp"}, "--split-path\t"},
		{[]string{"req"}, "request\t"},
	} {
		// the last line, ":" and a number, tells the shell what to do with the others
		status, stdout, _ := cgikit(append([]string{"__complete"}, c.args...)...)
		if status != 0 || !strings.Contains("\n"+stdout, "\n"+c.want) || !strings.Contains(stdout, "\n:") {
			t.Errorf("%q: got %d, %.1000q; want a line that begins with %q", c.args, status, stdout, c.want)
		}
	}
}

func TestVersion(t *testing.T) {
	status, stdout, stderr := cgikit("version")
	if status != 0 || stderr != "" || !strings.HasPrefix(stdout, "cgikit ") || !strings.Contains(stdout, " go1.") {
		t.Errorf("got %d, %q, %q", status, stdout, stderr)
	}
	if _, flag, _ := cgikit("--version"); flag != stdout {
		t.Errorf("--version: got %q; want %q", flag, stdout)
	}
	if _, asJSON, _ := cgikit("version", "--json"); !strings.Contains(asJSON, `"version":"`) {
		t.Errorf("--json: got %q", asJSON)
	}
}
