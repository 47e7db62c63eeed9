package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// measureStatic has files fetched over kept connections: by "cgikit serve files:", and by nginx
// with sendfile and a worker for each processor.
func measureStatic(o options) error {
	root := filepath.Join(o.dir, "files")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	var failed []error
	for _, f := range []struct {
		name  string
		size  int
		least float64 // the least that serve may do of what nginx does
	}{{"1K.txt", 1 << 10, 0.35}, {"1M.bin", 1 << 20, 0.8}, {"16M.bin", 16 << 20, 0.8}} {
		if err := os.WriteFile(filepath.Join(root, f.name), make([]byte, f.size), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(o.out, f.name)
		failed = append(failed, comparison{
			unit:   "requests",
			peers:  []peer.Peer{peer.CgikitServe(o.dir, "files:"+root), peer.Nginx(o.dir, "auto", peer.Site{Files: root, Backend: "none"})},
			bounds: []rounds.Bound{{Of: "serve", To: "nginx", Least: f.least}},
			work:   loaded(o, func(_ string, p *peer.Process) load.Load { return load.HTTP(p.Addr, "/"+f.name) }),
		}.run(o))
	}
	return errors.Join(failed...)
}
