package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/spawn"
)

// spawnOptions are the flags of a program's workers.
type spawnOptions struct {
	workers, least, most int
	idle, maxAge         time.Duration
	maxMemory            int64
	stopSignal           string
	stopTimeout          time.Duration

	process processOptions
	umask   string
	env     []string
}

// addPoolFlags adds the flags of the number of workers and of their lifetimes. least and most are
// the texts of the defaults of --min and --max, which the verbs have in different ways.
func (o *spawnOptions) addPoolFlags(f *pflag.FlagSet, least, most string) {
	f.IntVar(&o.least, "min", 0, "smallest `number` of processes (default "+least+")")
	f.IntVar(&o.most, "max", 0, "largest `number` of processes (default "+most+")")
	f.DurationVar(&o.idle, "idle", 0, "`time` without a waiting connection after which one process is stopped, down to --min (default 10s)")
	f.DurationVar(&o.maxAge, "max-age", 0, "`time` after which a process is replaced, such as 1h (default never)")
	f.Var((*byteSize)(&o.maxMemory), "max-memory", "resident memory, a `size` such as 256M, above which a process is replaced (Linux; default no limit)")
	f.StringVar(&o.stopSignal, "stop-signal", "", "`signal` that asks a process to finish its request and to end: TERM, INT, QUIT, HUP, USR1 or USR2 (default TERM)")
	f.DurationVar(&o.stopTimeout, "stop-timeout", 0, "`time` from the stop signal to SIGKILL (default 30s)")
}

// addVerbFlags adds the flags that only the verb spawn has: --env of serve adds variables of
// requests.
func (o *spawnOptions) addVerbFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.env, "env", nil, "`NAME=value` to add to the environment of processes; may be given several times")
	f.StringVar(&o.umask, "umask", "", "`mode` bits, in octal, that new files of the processes do not get, such as 0027 (default that of spawn)")
}

// pool returns the workers of the program that the words name.
func (o *spawnOptions) pool(words []string, log *slog.Logger) (*spawn.Pool, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	path, err := findProgram(words)
	if err != nil {
		return nil, err
	}
	as, err := o.process.credential()
	if err != nil {
		return nil, err
	}
	if err := o.process.checkProgram(path, path, as); err != nil {
		return nil, err
	}
	env, err := o.environment(path)
	if err != nil {
		return nil, err
	}
	signal, err := parseStopSignal(o.stopSignal)
	if err != nil {
		return nil, err
	}
	p := &spawn.Pool{
		Path: path, Args: words[1:], Dir: o.process.folder, Env: env, RunAs: as, Start: o.workers, Min: o.least, Max: o.most,
		Limits: o.process.limits(), Idle: o.idle, MaxAge: o.maxAge, MaxMemory: uint64(o.maxMemory),
		StopSignal: signal, StopTimeout: o.stopTimeout, Log: log,
	}
	o.setBounds(p)
	if err := p.Check(); err != nil {
		if o.workers == 0 {
			return nil, cli.Usage(fmt.Errorf("--min %d is greater than --max %d", p.Min, p.Max), "--min is at most --max")
		}
		return nil, cli.Usage(fmt.Errorf("-n %d, --min %d and --max %d do not fit", p.Start, p.Min, p.Max), "--min is at most -n, and -n is at most --max")
	}
	return p, nil
}

// setBounds fills in what is not given: -n alone is a fixed number.
func (o *spawnOptions) setBounds(p *spawn.Pool) {
	if p.Min == 0 {
		p.Min = max(p.Start, 1)
		if p.Max > 0 && p.Start == 0 {
			p.Min = 1
		}
	}
	if p.Start == 0 {
		p.Start = p.Min
	}
	if p.Max == 0 {
		p.Max = p.Start
	}
}

// check finds mistakes in the flags. Of the system, it looks only at the folder.
func (o *spawnOptions) check() error {
	switch {
	case o.workers < 0 || o.least < 0 || o.most < 0:
		return cli.Usage(errors.New("-n, --min and --max cannot be negative"), spawnHint)
	case o.idle < 0 || o.maxAge < 0 || o.stopTimeout < 0:
		return cli.Usage(errors.New("--idle, --max-age and --stop-timeout cannot be negative"), "without the flag, the default holds")
	case o.idle != 0 && (o.most == 0 || o.most == max(o.least, o.workers) && o.least == o.most):
		return cli.Usage(errors.New("--idle has no effect on a fixed number of processes"), "add --min and --max")
	}
	return o.process.check()
}

// findProgram returns the absolute path of the program that the first word names.
func findProgram(words []string) (string, error) {
	if len(words) == 0 || words[0] == "" {
		return "", cli.Usage(errors.New("no program is given"), spawnHint)
	}
	path, err := exec.LookPath(words[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return "", cli.Usage(fmt.Errorf("program %.100q cannot be run: %w", words[0], cause(err)),
			"name a program of PATH, or write the path of an executable file with a slash")
	}
	return filepath.Abs(path)
}

// environment returns the environment of the workers.
func (o *spawnOptions) environment(program string) ([]string, error) {
	env := spawn.Environ()
	set := func(variable string) {
		name, _, _ := strings.Cut(variable, "=")
		env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		env = append(env, variable)
	}
	const children = "PHP_FCGI_CHILDREN"
	if _, given := os.LookupEnv(children); !given && strings.HasPrefix(filepath.Base(program), "php-cgi") {
		set(children + "=0")
	}
	for _, variable := range o.env {
		if name, _, found := strings.Cut(variable, "="); !found || name == "" || strings.ContainsRune(variable, 0) {
			return nil, cli.Usage(fmt.Errorf("--env %.100q has no value", variable), "such as --env APP_ENV=production")
		}
		set(variable)
	}
	return env, nil
}

// parseUmask parses octal mode bits.
func parseUmask(s string) (int, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 {
		return 0, cli.Usage(fmt.Errorf("--umask %.32q is not an octal number up to 0777", s), "such as --umask 0027")
	}
	return int(n), nil
}
