package main

import (
	"os"
	"path/filepath"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// page takes 5 ms, in which the machine has nothing to do, and states its length.
const page = `<?php usleep(5000); header('Content-Type: text/plain'); header('Content-Length: 6'); echo "hello\n";`

// measurePHP asks web servers, which ask the same php-fpm, over a new connection for each request
// and over kept ones. php-fpm has processes for all: one that holds a kept connection accepts no
// other, and each worker of nginx keeps its own. The clients are few, so that what they wait for is
// the page and not the machine.
func measurePHP(o options) error {
	root := filepath.Join(o.dir, "www")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "page.php"), []byte(page), 0o644); err != nil {
		return err
	}
	fpm := peer.PHPFPM(o.dir, o.clients*8)
	if fpm.Missing != nil {
		return missing(fpm)
	}
	pool, err := fpm.Start()
	if err != nil {
		return err
	}
	defer pool.Stop()
	handler := func(name, kept string) peer.Peer {
		return named(name, peer.Own(o.dir, "tcp", "php", pool.Addr, root, kept))
	}
	nginx := func(name string, keep bool) peer.Peer {
		return named(name, peer.Nginx(o.dir, "auto", peer.Site{Backend: pool.Addr, Root: root, Keep: keep}))
	}
	serve := peer.CgikitServe(o.dir, "--root", root, "--split-path", ".php", "fastcgi+unix:"+pool.Addr)
	return comparison{
		unit:   "requests",
		peers:  []peer.Peer{serve, handler("cgikit", "0"), handler("cgikit-kept", "64"), nginx("nginx", false), nginx("nginx-kept", true)},
		bounds: []rounds.Bound{{Of: "serve", To: "nginx", Least: 0.85}, {Of: "cgikit", To: "nginx", Least: 0.85}, {Of: "cgikit-kept", To: "nginx-kept", Least: 0.85}},
		ready:  func(_ string, p *peer.Process) error { return answers(p, "/page.php") },
		work:   loaded(o, func(_ string, p *peer.Process) load.Load { return load.HTTP(p.Addr, "/page.php") }),
	}.run(o)
}
