package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
	"github.com/cgikit/cgikit/fastcgi/wire"
)

const helloScript = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello\\n'\n"

// measureFcgiwrap has cgi.Dir, over this module's FastCGI and SCGI servers, and fcgiwrap run the
// same script, over a new connection for each request.
func measureFcgiwrap(o options) error {
	c, err := fcgiwrapComparison(o)
	if err != nil {
		return err
	}
	return c.run(o)
}

func fcgiwrapComparison(o options) (comparison, error) {
	script, err := installScript(o)
	if err != nil {
		return comparison{}, err
	}
	dir := filepath.Dir(script)
	return comparison{
		unit:   "requests",
		peers:  []peer.Peer{peer.Fcgiwrap(o.dir, o.clients), own(o, "fastcgi", "dir", dir), own(o, "scgi", "scgidir", dir)},
		bounds: []rounds.Bound{{Of: "fastcgi", To: "fcgiwrap", Least: 1}, {Of: "scgi", To: "fcgiwrap", Least: 1}},
		work:   scriptWork(o, script),
	}, nil
}

// scriptWork asks a server for the script: "scgi" by that protocol, the others by FastCGI.
func scriptWork(o options, script string) func(string, *peer.Process) (float64, time.Duration, error) {
	set := map[string]string{
		"SCRIPT_NAME": "/cgi-bin/hello", "SCRIPT_FILENAME": script, "REQUEST_URI": "/cgi-bin/hello?x=1", "DOCUMENT_URI": "/cgi-bin/hello",
	}
	get := wire.AppendRecord(load.AppendHead(nil, 1, set, false), wire.TypeStdin, 1, nil)
	return loaded(o, func(name string, p *peer.Process) load.Load {
		if name == "scgi" {
			return load.SCGI(p.Addr, set, "\n"+work.Hello)
		}
		return load.FastCGI(p.Network, p.Addr, get, false)
	})
}

// installScript puts the script into a folder of its own.
func installScript(o options) (path string, err error) {
	content := []byte(helloScript)
	if o.script != "" {
		if content, err = os.ReadFile(o.script); err != nil {
			return "", err
		}
	}
	path = filepath.Join(o.dir, "cgi-bin", "hello")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, content, 0o755)
}
