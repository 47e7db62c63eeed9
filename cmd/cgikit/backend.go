package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/cgikit/internal/monitor"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/gofastconn"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/child"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/spawn"
	"github.com/cgikit/cgikit/scgi"
)

// defaultScripts bounds the CGI scripts that run at the same time. Each is a process, and without a
// bound clients would decide their number.
const defaultScripts = 64

// backend is a target outside of this process.
type backend struct {
	gateway.Backend
	pool    func() monitor.Pool
	scripts func() cgi.Stats
	usable  func() error // whether scripts can still be run; nil if the target runs none
	workers *spawn.Pool
	private string       // the address of the workers
	reload  func() error // opens folders again; may be nil
	close   func() error
}

// newHostTarget returns a target that package host translates requests and responses for.
func newHostTarget(a listen.Address, name string, o targetOptions, log *slog.Logger) (*target, error) {
	budget, err := o.buffer.budget()
	if err != nil {
		return nil, err
	}
	b, err := newBackend(a, name, o, log)
	if err != nil {
		return nil, err
	}
	errorLog := log
	if o.stderr == stderrServer {
		errorLog = nil // the request's error stream
	}
	h := &host.Handler{
		Backend:           b.Backend,
		Buffer:            !o.buffer.stream,
		Budget:            budget,
		MaxBodyBytes:      -1, // the servers check --max-body
		SplitPath:         o.splitPath,
		Deny:              o.site.deny,
		Env:               o.env,
		PassAuthorization: true, // the target must check it
		Timeout:           o.timeout,
		Offload:           o.offload,
		PassAccel:         o.passAccel,
		ErrorLog:          errorLog,
	}
	if err := setSite(h, o); err != nil {
		return nil, err
	}
	t := &target{
		app: h,
		watched: func(done func(*gateway.Access)) gateway.App {
			h.Access = done
			return h
		},
		workers: b.workers,
		private: b.private,
		pool:    b.pool,
		scripts: b.scripts,
		budget:  budget,
		usable:  b.usable,
		close:   b.close,
	}
	t.addReloads(h, b.reload)
	return t, nil
}

func newBackend(a listen.Address, name string, o targetOptions, log *slog.Logger) (*backend, error) {
	switch {
	case a.Protocol == "cgi" && len(o.fallbacks) > 0:
		return newNamed(append([]string{name}, o.fallbacks...), o, log)
	case a.Protocol == "cgi":
		return newCGI(a.Path, o, log)
	case a.Protocol == "spawn":
		return newSpawned(a.Path, o, log)
	case !isCallable(a):
		return nil, notCallable(a, name)
	case a.Protocol == "scgi":
		return newSCGI(name, o), nil
	}
	return newFastCGI(name, o), nil
}

// newFastCGI returns a FastCGI backend that keeps connections as --keep-conns says.
func newFastCGI(addr string, o targetOptions) *backend {
	open := func(kept int) fastCGITarget { return newFastCGIClient(addr, kept, o) }
	if o.keepConns.given {
		t := open(o.keepConns.most)
		return &backend{Backend: t, pool: func() monitor.Pool { return poolOf(t.client) }, close: t.client.Close}
	}
	auto := newAutoKeep(open)
	return &backend{
		Backend: auto,
		pool:    func() monitor.Pool { return poolOf(auto.client()) },
		close:   func() error { return auto.client().Close() },
	}
}

// newFastCGIClient returns a client whose timeouts are all --timeout, or 60 seconds if that is 0.
func newFastCGIClient(addr string, kept int, o targetOptions) fastCGITarget {
	c := &fastcgi.Client{
		Addr: addr, Fallback: o.fallbacks, MaxConns: o.concurrency, WaitTimeout: o.timeout, MaxIdleConns: kept, IdleTimeout: o.keepIdle,
		FirstByteTimeout: o.timeout, ReadTimeout: o.timeout, WriteTimeout: o.timeout,
	}
	if o.gofast {
		return fastCGITarget{&gofastconn.Client{Pool: c}, c}
	}
	return fastCGITarget{c, c}
}

func poolOf(c *fastcgi.Client) monitor.Pool {
	s := c.Stats()
	return monitor.Pool{Active: s.Active, Idle: s.Idle, Waiting: s.Waiting, Dials: s.Dialed, Resent: s.Retried}
}

func newSCGI(addr string, o targetOptions) *backend {
	c := &scgi.Client{
		Addr: addr, Fallback: o.fallbacks, MaxConns: o.concurrency, WaitTimeout: o.timeout,
		FirstByteTimeout: o.timeout, ReadTimeout: o.timeout, WriteTimeout: o.timeout,
	}
	pool := func() monitor.Pool {
		s := c.Stats()
		// a connection carries one request
		return monitor.Pool{Active: s.Active, Waiting: s.Waiting, Dials: s.Requests}
	}
	return &backend{Backend: c, pool: pool, close: c.Close}
}

// newCGI returns a backend for a script or a folder of scripts. Its close stops the scripts that
// still run.
func newCGI(path string, o targetOptions, log *slog.Logger) (*backend, error) {
	d := &cgi.Dir{Symlinks: o.symlinks}
	s := &d.Script
	if err := setScript(s, o, log); err != nil {
		return nil, err
	}
	full, isDir, err := o.spawn.process.findScripts(path, s.RunAs)
	if err != nil {
		return nil, err
	}
	usable := func() error { return o.spawn.process.checkScripts(full, isDir, s.RunAs) }
	if isDir {
		d.Path = full
		return &backend{Backend: d, scripts: d.Stats, usable: usable, reload: d.Reload, close: d.Close}, nil
	}
	s.Path = full
	return &backend{Backend: s, scripts: s.Stats, usable: usable, close: s.Close}, nil
}

// newNamed returns a backend for several cgi: targets: what the web server in front may name.
func newNamed(targets []string, o targetOptions, log *slog.Logger) (*backend, error) {
	n := &cgi.Named{Symlinks: o.symlinks}
	if err := setScript(&n.Script, o, log); err != nil {
		return nil, err
	}
	var checks []func() error
	for _, name := range targets {
		a, err := listen.Parse(name)
		if err != nil {
			return nil, err
		}
		full, isDir, err := o.spawn.process.findScripts(a.Path, n.Script.RunAs)
		if err != nil {
			return nil, err
		}
		n.Paths = append(n.Paths, full)
		checks = append(checks, func() error { return o.spawn.process.checkScripts(full, isDir, n.Script.RunAs) })
	}
	return &backend{Backend: n, scripts: n.Stats, usable: anyOf(checks), reload: n.Reload, close: n.Close}, nil
}

// anyOf returns a check that is nil if one of the checks is, and otherwise the error of the first.
func anyOf(checks []func() error) func() error {
	return func() (first error) {
		for _, check := range checks {
			err := check()
			if err == nil {
				return nil
			}
			first = cmp.Or(first, err)
		}
		return first
	}
}

// checkScripts returns an error if the folder or the script at the path, which findScripts has
// found, can no longer be used.
func (o *processOptions) checkScripts(path string, isDir bool, as *cgi.Credential) error {
	_, isDirNow, err := o.findScripts(path, as)
	if err == nil && isDirNow != isDir {
		err = cli.Usage(fmt.Errorf("%.200q was replaced by a file of another kind", path), "restart serve to use it")
	}
	return err
}

// findScripts returns the absolute path of a folder that the user may enter, or of a script that it
// can run.
func (o *processOptions) findScripts(path string, as *cgi.Credential) (full string, isDir bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false, cli.Usage(err, "write a script or a folder of scripts after cgi:")
	}
	if full, err = filepath.Abs(path); err != nil {
		return "", false, err
	}
	if info.IsDir() {
		if _, err := os.Stat(full + string(filepath.Separator) + "."); err != nil && as == nil {
			return "", false, cli.Usage(err, "each folder on the way must be executable by the user that serve runs as")
		}
		return full, true, o.checkRight((*child.Credential)(as), full, false)
	}
	if _, err := exec.LookPath(full); err != nil {
		return "", false, cli.Usage(fmt.Errorf("script %.100q cannot be run: %w", path, cause(err)), "make it executable with chmod +x; its first line must name its interpreter, such as #!/bin/sh")
	}
	return full, false, o.checkProgram(path, full, (*child.Credential)(as))
}

// setScript sets how scripts run. The log has no request for what a script writes to its error
// stream after its response.
func setScript(s *cgi.Script, o targetOptions, log *slog.Logger) error {
	if err := o.spawn.process.check(); err != nil {
		return err
	}
	as, err := o.spawn.process.credential()
	if err != nil {
		return err
	}
	if s.Dir = o.spawn.process.folder; s.Dir != "" {
		if s.Dir, err = filepath.Abs(s.Dir); err != nil {
			return err
		}
	}
	s.RunAs, s.Limits = (*cgi.Credential)(as), cgi.Limits(o.spawn.process.limits())
	s.ReadTimeout, s.RequestTimeout = o.timeout, o.timeout
	s.MaxScripts = cmp.Or(o.concurrency, defaultScripts)
	s.StrictExit = o.strictExit
	s.InheritEnv = o.inheritEnv
	s.Stderr = slog.NewLogLogger(log.Handler(), slog.LevelWarn).Writer()
	return nil
}

// cause removes the text of os/exec about a search in PATH, which does not happen here.
func cause(err error) error {
	if e := (*exec.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
