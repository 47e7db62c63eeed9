package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A captured file records how a real server started a program: a header of "name: value" lines, a
// blank line, and the environment. TestStartedBy writes it when it is run with -update.
const captured = "../../testdata/environ/launch-"

// starters has the ways in which real servers and tools start a program, each with the choice that
// Detect must make. nginx and HAProxy start no programs.
var starters = []struct {
	name string
	mode Mode
}{
	{"lighttpd-bin-path", Inherited},
	{"apache2-mod_fcgid", Inherited},
	{"spawn-fcgi-tcp", Inherited},
	{"spawn-fcgi-unix", Inherited},
	{"cgi-fcgi-start", Inherited},
	{"systemd-socket-activate", Inherited},
	{"systemd-socket-activate-inetd", Unusable},
	{"lighttpd-mod_cgi", CGI},
	{"apache2-mod_cgi", CGI},
	{"apache2-mod_cgid", CGI},
	{"lighttpd-fcgiwrap", CGI},
	{"shell-without-stdin", Fallback},
	{"shell-in-a-terminal", Fallback},
}

func TestDetectCaptured(t *testing.T) { // F33
	files, err := filepath.Glob(captured + "*.txt")
	if err != nil || len(files) != len(starters) {
		t.Errorf("there are %d captured files (%v); want %d", len(files), err, len(starters))
	}
	for _, s := range starters {
		t.Run(s.name, func(t *testing.T) {
			e, err := readCaptured(s.name)
			if err != nil {
				t.Fatal(err)
			}
			if got := Detect(e); got.Mode != s.mode {
				t.Errorf("got %+v; want %s", got, s.mode)
			}
		})
	}
}

func readCaptured(name string) (Evidence, error) {
	text, err := os.ReadFile(captured + name + ".txt")
	if err != nil {
		return Evidence{}, err
	}
	head, environ, found := strings.Cut(string(text), "\n\n")
	var e Evidence
	var by string
	for line := range strings.SplitSeq(head, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "started-by":
			by = value
		case "stdin":
			e.Stdin = Stdin(value)
		case "pid":
			_, err = fmt.Sscan(value, &e.PID)
		default:
			err = fmt.Errorf("unknown line %q", line)
		}
		if err != nil {
			return Evidence{}, err
		}
	}
	if !found || by == "" || e.Stdin == "" || e.PID == 0 {
		return Evidence{}, fmt.Errorf("%s: the header is not complete: %q", name, head)
	}
	for line := range strings.Lines(environ) {
		e.Environ = append(e.Environ, strings.TrimSuffix(line, "\n"))
	}
	return e, nil
}

// writeCaptured leaves out the variables that the test added.
func writeCaptured(name, version string, e Evidence) error {
	ours := func(s string) bool { return strings.HasPrefix(s, "CGIKIT_TEST_") || strings.HasPrefix(s, "GORACE=") }
	environ := slices.DeleteFunc(slices.Clone(e.Environ), ours)
	if i := slices.IndexFunc(environ, func(s string) bool { return strings.Contains(s, "\n") }); i >= 0 {
		return fmt.Errorf("a variable of more than one line: %q", environ[i])
	}
	text := fmt.Sprintf("started-by: %s\nstdin: %s\npid: %d\n\n%s\n", version, e.Stdin, e.PID, strings.Join(environ, "\n"))
	return os.WriteFile(captured+name+".txt", []byte(text), 0o644)
}
