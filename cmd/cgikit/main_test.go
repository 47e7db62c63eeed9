package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// TestMain also runs the test program as the command: scripts start it by the name cgikit, and the
// demo starts it as a CGI program.
func TestMain(m *testing.M) {
	if app := matrixApps[os.Getenv(appVariable)]; app != nil {
		if err := cgi.Serve(app); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv(childVariable) != "" {
		main()
	}
	// They wait for other programs most of the time. The flag -parallel still counts.
	flag.Set("test.parallel", "6")
	testscript.Main(m, map[string]func(){"cgikit": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	p := scripts()
	p.Dir = "testdata/script"
	testscript.RunT(boundedT{t}, p)
}

// TestPeers runs the scripts that need a third-party program or library. Each script has the name
// of its program.
func TestPeers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/peer/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		program, _, _ := strings.Cut(name, "@") // a verb may follow
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			findPeer(t, program)
			p := scripts()
			p.Files = []string{file}
			testscript.RunT(boundedT{t}, p)
		})
	}
}

// boundedT bounds what it prints of the log of a script: a page that a script fetched is in it.
type boundedT struct{ *testing.T }

func (t boundedT) Verbose() bool   { return testing.Verbose() }
func (t boundedT) Log(args ...any) { t.T.Log(webserver.Excerpt(fmt.Sprint(args...))) }

func (t boundedT) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(boundedT{t}) })
}

// scripts returns what all scripts may use.
func scripts() testscript.Params {
	return testscript.Params{
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Values[stageKey{}] = newStage(e)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start":   start,
			"also":    also,
			"await":   await,
			"occupy":  occupy,
			"signal":  sendSignal,
			"ends":    ends,
			"fetch":   fetch,
			"capture": capture,
			"stream":  stream,
			"hold":    hold,
			"whole":   whole,
			"exits":   exits,
		},
	}
}

// findPeer skips a test where a program or a library is missing, as webserver.Find does.
func findPeer(t *testing.T, name string) {
	switch name {
	case "libfcgi":
		webserver.Find(t, "cc")
		webserver.Find(t, "spawn-fcgi")
		webserver.FindFile(t, name, "/usr/include/fcgi_stdio.h")
	case "FCGI.pm":
		path, _ := exec.Command(webserver.Find(t, "perl"), "-MFCGI", "-e", "print $INC{'FCGI.pm'}").Output()
		webserver.FindFile(t, name, string(path))
	default:
		webserver.Find(t, name)
	}
}
