package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test program the command too: scripts start it by that name, and the demo starts it as a CGI program.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"cgikit": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Values[stageKey{}] = newStage(e)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start":  start,
			"await":  await,
			"occupy": occupy,
			"signal": sendSignal,
			"ends":   ends,
			"fetch":  fetch,
			"stream": stream,
			"hold":   hold,
			"whole":  whole,
		},
	})
}
