package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/cgikit/internal/check"
	"github.com/cgikit/cgikit/cmd/cgikit/internal/monitor"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/spawn"
)

const targetHint = "such as demo:, files:DIR, cgi:DIR or cgi:SCRIPT, spawn:PROGRAM, fastcgi://127.0.0.1:9000 or fastcgi+unix:/run/app.sock, and scgi in its place"

// target answers requests. It must be closed.
type target struct {
	app     gateway.App
	watched func(func(*gateway.Access)) gateway.App // app, and reports each request
	private string                                  // the address of workers, which only this process knows
	workers *spawn.Pool                             // nil if the target has no processes of its own
	pool    func() monitor.Pool                     // nil if the target has no connections
	scripts func() cgi.Stats                        // nil if the target runs no CGI scripts
	budget  *exchange.Budget                        // of the buffers; nil if the target has none
	usable  func() error                            // whether its scripts can still be run; nil if it runs none
	close   func() error
	reloads []func() error // open folders again; the error has a line for each folder that cannot be opened
}

// targetOptions are the flags of the target.
type targetOptions struct {
	root, mount           string
	splitPath, index, env []string
	inheritEnv            []string // names of variables
	stderr                stderrPlace
	symlinks              exchange.Symlinks
	resolveRoot           bool
	timeout               time.Duration
	concurrency           int
	keepConns             keepConns
	keepIdle              time.Duration
	gofast                bool
	fallbacks             []string // further addresses of the target, or further scripts
	strictExit            bool
	buffer                bufferOptions
	site                  siteOptions
	offload               offloadFolders
	passAccel             bool
	spawn                 spawnOptions
	failed                func(error) // is called if the target cannot serve any more
}

// openTarget opens the target called name. The error lists the kinds of targets.
func openTarget(name string, o targetOptions, log *slog.Logger) (*target, error) {
	if name == "echo:" {
		return localTarget(check.Echo(), nothingToClose), nil
	}
	a, err := listen.Parse(name)
	if local := slices.Contains([]string{"demo", "files", "cgi", "fastcgi", "scgi", "spawn"}, name); err != nil || isFolder(name) || local {
		return nil, unknownTarget(name, err)
	}
	if err := checkFallbacks(append([]string{name}, o.fallbacks...)); err != nil {
		return nil, err
	}
	if err := o.fit(a.Protocol); err != nil {
		return nil, err
	}
	if err := o.checkFallback(a.Protocol); err != nil {
		return nil, err
	}
	t, err := openKind(a, name, o, log)
	if err != nil {
		return nil, err
	}
	if err := o.addSite(t, log); err != nil {
		_ = t.close()
		return nil, err
	}
	return t, nil
}

func openKind(a listen.Address, name string, o targetOptions, log *slog.Logger) (*target, error) {
	switch a.Protocol {
	case "demo":
		return localTarget(demo.App(), nothingToClose), nil
	case "files":
		return openFolder(a.Path, o, log)
	case "cgi", "fastcgi", "scgi", "spawn":
		return newHostTarget(a, name, o, log)
	}
	return nil, cli.Usage(fmt.Errorf("serve cannot serve a target such as %.100q", name), targetHint)
}

func nothingToClose() error { return nil }

// unknownTarget returns the error for a name that is not an address, with a guess at what was
// meant. err is the reason.
func unknownTarget(name string, err error) error {
	switch scheme, _, found := strings.Cut(name, ":"); {
	case found && slices.Contains([]string{"files", "cgi"}, scheme):
		return cli.Usage(fmt.Errorf("target %.100q has no path", name), "write a folder after files:, and a script or a folder of scripts after cgi:")
	case found && slices.Contains([]string{"fastcgi", "fastcgi+unix", "scgi", "scgi+unix"}, scheme):
		return cli.Usage(err, targetHint)
	case isFolder(name):
		return cli.Usage(fmt.Errorf("target %.100q has no scheme", name),
			fmt.Sprintf("write files:%.100[1]s to serve that folder, or cgi:%.100[1]s to run the scripts in it", name))
	case scheme == "spawn":
		return cli.Usage(errors.New("the target spawn: has no program"), spawnTargetHint)
	case name == "demo":
		return cli.Usage(errors.New(`target "demo" is not known`), "did you mean demo: with a colon?")
	}
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
		return cli.Usage(fmt.Errorf("target %.100q has no scheme", name), fmt.Sprintf("write cgi:%.100s to run that file as a CGI script", name))
	}
	return cli.Usage(fmt.Errorf("target %.100q is not known", name), targetHint)
}

// fit returns an error if a flag has no effect on a target of that kind.
func (o *targetOptions) fit(kind string) error {
	if err := o.spawn.fit(kind); err != nil {
		return err
	}
	if kind == "spawn" {
		kind = "fastcgi" // by which it is called
	}
	remote := kind == "cgi" || kind == "fastcgi" || kind == "scgi"
	for _, flag := range []struct {
		name      string
		set, fits bool
		what      string
	}{
		{"--root", o.root != "", remote, "cgi:, fastcgi: and scgi: targets; files:DIR serves a folder by itself"},
		{"--resolve-root", o.resolveRoot, remote, "cgi:, fastcgi: and scgi: targets with --root"},
		{"--symlinks", o.symlinks != exchange.SymlinksOwner, o.root != "" || kind == "files" || kind == "cgi", "files: and cgi: targets, and for --root"},
		{"--split-path", len(o.splitPath) > 0, remote, "cgi:, fastcgi: and scgi: targets"},
		{"--index", len(o.index) > 0, remote, "cgi:, fastcgi: and scgi: targets; files:DIR takes index.html"},
		{"--fallback", o.site.fallback != "", remote || kind == "files", "files:, cgi:, fastcgi: and scgi: targets"},
		{"--deny", len(o.site.deny) > 0, kind != "demo", "files:, cgi:, fastcgi: and scgi: targets"},
		{"--precompressed", o.site.precompressed, kind == "files" || o.root != "" || len(o.site.aliases) > 0, "files: targets, and for --root and --alias"},
		{"--env", len(o.env) > 0, remote, "cgi:, fastcgi: and scgi: targets"},
		{"--inherit-env", len(o.inheritEnv) > 0, kind == "cgi", "cgi: targets; a FastCGI or SCGI application has the environment of its own process"},
		{"--stderr", o.stderr != "", remote, "cgi:, fastcgi: and scgi: targets"},
		{"--timeout", o.timeout != 0, remote, "cgi:, fastcgi: and scgi: targets"},
		{"--concurrency", o.concurrency != 0, remote, "cgi:, fastcgi: and scgi: targets"},
		{"--keep-conns", o.keepConns.given, kind == "fastcgi", "fastcgi: targets"},
		{"--keep-idle", o.keepIdle != 0, kind == "fastcgi", "fastcgi: targets"},
		{"--strict-exit", o.strictExit, kind == "cgi", "cgi: targets; the exit status of a FastCGI or SCGI application has no meaning"},
		{"--stream", o.buffer.stream, remote, "cgi:, fastcgi: and scgi: targets"},
		{"--buffer-memory", o.buffer.memory != 0, remote, "cgi:, fastcgi: and scgi: targets"},
		{"--buffer-files", o.buffer.files != 0, remote, "cgi:, fastcgi: and scgi: targets"},
		{"--spool-dir", o.buffer.dir != "", remote, "cgi:, fastcgi: and scgi: targets"},
		{"--offload", len(o.offload) > 0, remote, "cgi:, fastcgi: and scgi: targets"},
		{"--pass-accel", o.passAccel, remote, "cgi:, fastcgi: and scgi: targets"},
		{"--fastcgi-engine=gofast", o.gofast, kind == "fastcgi", "fastcgi: targets; for listeners there is nethttp"},
	} {
		if flag.set && !flag.fits {
			return cli.Usage(fmt.Errorf("%s has no effect on a target of the kind %.32q", flag.name, kind), "use it with "+flag.what)
		}
	}
	if o.timeout < 0 || o.concurrency < 0 {
		return cli.Usage(errors.New("--timeout and --concurrency cannot be negative"), "without the flag there is no limit")
	}
	if o.keepIdle < 0 {
		return cli.Usage(errors.New("--keep-idle cannot be negative"), "--keep-conns 0 keeps no connection")
	}
	return nil
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// localTarget is a target in this process.
func localTarget(app gateway.App, closeApp func() error) *target {
	return &target{
		app:     app,
		watched: func(done func(*gateway.Access)) gateway.App { return gateway.Watch(app, done) },
		close:   closeApp,
	}
}

func openFolder(dir string, o targetOptions, log *slog.Logger) (*target, error) {
	files := o.files(dir, log)
	files.Fallback = o.site.fallback
	if err := checkFolder(files, dir); err != nil {
		return nil, err
	}
	t := localTarget(files, nothingToClose)
	t.reloads = append(t.reloads, files.Reload)
	return t, nil
}

// checkFolder returns an error if the folder that the user calls dir cannot be served.
func checkFolder(files *host.Files, dir string) error {
	err := siteMistake(files.Check())
	if err == nil || errors.As(err, new(*cli.Error)) {
		return err
	}
	if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
		return cli.Usage(fmt.Errorf("open %s: is a file, not a folder", dir), "name the folder that has the file")
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = fmt.Errorf("open %s: %w", dir, path.Err)
	}
	return cli.Usage(err, "the folder must exist and be readable")
}
