package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/request"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/ping"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/util"
)

// precheck is the flag --check. All mistakes that serve finds before it listens are found by the
// same code with and without the flag.
type precheck struct {
	only bool
	out  io.Writer
}

func (p *precheck) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&p.only, "check", false, "only check the flags, the folders and the target; exit with 0, 1 if the target does not answer, or 2 for wrong flags or folders")
}

// report writes the result of --check. An address that is in use is no failure: the flags may be
// those of a process that serves there and is going to be restarted.
func (s *serving) report(t *target) error {
	for _, address := range append(s.launch.Listen, s.metrics) {
		if err := checkSocketFolder(address); err != nil {
			return err
		}
	}
	what, err := s.checkAnswer(t)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.precheck.out, "ok: the flags and folders are valid%s\n", what)
	return err
}

// startTimeout is how long the program of a spawn: target may take until it answers.
const startTimeout = 10 * time.Second

// checkAnswer probes the target. It returns what is then known, for the end of a sentence.
func (s *serving) checkAnswer(t *target) (what string, err error) {
	timeout := ping.DefaultTimeout
	if t.private != "" {
		timeout = startTimeout
	}
	probers, err := s.newProbers(t, timeout)
	if err != nil || len(probers) == 0 {
		return "", err
	}
	var probes []probe
	for _, p := range probers {
		probes = append(probes, func() *ping.Result { return p.Probe(context.Background()) })
	}
	found := probeBest(probes)
	switch {
	case found.Answered():
		return ", and the target answers", nil
	case t.private != "" && found.State != ping.Busy:
		return "", cli.Failure(errors.New("the program has ended without an answer"), "the log above has its last output and its exit status")
	case t.private != "":
		return "", cli.Failure(fmt.Errorf("the program has started and does not answer in %v", startTimeout),
			"it must accept FastCGI connections on its standard input, as a program that spawn-fcgi starts does")
	case found.State == ping.Busy && s.ready.ready != readyStrict:
		return ", and the target accepts connections and is busy: " + found.Cause, nil
	}
	return "", cli.Failure(fmt.Errorf("the target cannot be used: %s", found.Cause), found.Hint)
}

// checkSocketFolder finds out whether a unix socket can have its path.
func checkSocketFolder(address string) error {
	a, err := listen.Parse(address)
	if err != nil || a.Network != "unix" || a.Path[0] == '@' {
		return nil // checkListen has reported a mistake
	}
	if _, err := os.Stat(filepath.Dir(a.Path)); err != nil {
		return &listen.OpenError{Address: a, Err: err}
	}
	if info, err := os.Lstat(a.Path); err == nil && info.Mode().Type() != os.ModeSocket {
		return &listen.OpenError{Address: a, Err: errors.New("the path exists and is not a socket")}
	}
	return nil
}

// checkInterpreter refuses a script whose first line names an interpreter that does not exist, as
// one with CR LF at its end does. Windows does not read that line.
func checkInterpreter(path string) error {
	if runtime.GOOS == "windows" || !isScript(path) {
		return nil
	}
	if hint := request.FileHint(path); hint != "" {
		return cli.Usage(fmt.Errorf("script %.100q cannot be run", path), hint)
	}
	return nil
}

// checkLoop refuses a target at which serve itself listens: a request would come back for ever.
func checkLoop(addresses, targets []string) error {
	for _, name := range targets {
		to, err := listen.Parse(name)
		if err != nil {
			continue // openTarget reports it
		}
		for _, address := range addresses {
			if at, err := listen.Parse(address); err == nil && isReached(at, to) {
				return cli.Usage(fmt.Errorf("target %.100q is the address %.100q of serve itself", name, address), "a target is the address of another program")
			}
		}
	}
	return nil
}

// isReached reports whether a connection to the address to arrives at the listener at.
func isReached(at, to listen.Address) bool {
	switch {
	case at.Network != to.Network:
		return false
	case at.Network == "unix":
		return filepath.Clean(at.Path) == filepath.Clean(to.Path)
	case at.Network != "tcp" || at.Port == 0 || at.Port != to.Port:
		return false
	}
	all, err := netip.ParseAddr(at.Host)
	return at.Host == to.Host || isThisMachine(to.Host) && (isThisMachine(at.Host) || err == nil && all.IsUnspecified())
}

// isThisMachine reports whether host is the loopback interface by its address or name.
func isThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.Equal(net.IPv4(127, 0, 0, 1))
}

// warnOfSpool logs that large requests will fail, where no temporary file can be made: an image
// without a system has no folder for them, and serve works without one as long as memory is enough.
// Only a FastCGI, SCGI or CGI target needs them.
func (s *serving) warnOfSpool() {
	a, err := listen.Parse(s.target)
	if err != nil || s.options.buffer.dir != "" || s.options.buffer.files < 0 || !slices.Contains([]string{"cgi", "fastcgi", "scgi"}, a.Protocol) {
		return
	}
	f, err := util.CreateTempFile("")
	if err != nil {
		s.launch.Log.Warn("no temporary file can be made, requests that do not fit into --buffer-memory get 503", "error", err,
			"hint", "name a folder by --spool-dir, or use none by --buffer-files 0")
		return
	}
	_ = f.Close() // it is empty
}
