package ping

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/asking"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

// Options are the flags of ping.
type Options struct {
	asking.Flags // Timeout is of one probe

	path, status             string
	wantedStatus, wantedBody string
	live, nagios             bool
	openMetrics              bool
	failIf, warnIf           []string
	connectTimeout           time.Duration
	wait, interval           time.Duration
}

// DefaultTimeout is the default of --timeout: as long as the kubelet waits for a probe.
const DefaultTimeout = time.Second

// AddFlags adds the flags of ping, those of every verb first.
func (o *Options) AddFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	o.Add(f, DefaultTimeout)
	f.Lookup("timeout").Usage = "longest `time` for each question, such as 5s; 0 is no limit"
	f.StringVar(&o.path, "path", "", "send a request for this `path`, such as /ping; an answer with status 2xx or 3xx is healthy")
	f.StringVar(&o.status, "status", "", "fetch php-fpm's status page from this `path` (default FCGI_STATUS_PATH of the environment; /status if a condition needs the page)")
	f.StringVar(&o.wantedStatus, "expect-status", "", "`statuses` that are healthy: 200, 2xx, 200-399, or a list with commas")
	f.StringVar(&o.wantedBody, "expect-body", "", "regular `expression` that the body must match")
	f.BoolVar(&o.live, "live", false, "exit with 0 for a busy target too: a liveness probe must not restart it")
	f.StringArrayVar(&o.failIf, "fail-if", nil, "`condition` that makes the target unhealthy, such as 'saturation>=90%' (repeatable)")
	f.StringArrayVar(&o.warnIf, "warn-if", nil, "`condition` for a warning, such as 'latency>200ms' (repeatable)")
	f.DurationVar(&o.connectTimeout, "connect-timeout", 0, "longest `time` until the connection is made, such as 500ms (default --timeout)")
	f.DurationVar(&o.wait, "wait", 0, "repeat the question until the target is healthy, for this `time` at most, such as 30s (default ask once)")
	f.DurationVar(&o.interval, "interval", 250*time.Millisecond, "`time` from one question of --wait to the next")
	f.BoolVar(&o.nagios, "nagios", false, "write one line for Nagios, and exit with its statuses 0 to 3")
	f.BoolVar(&o.openMetrics, "openmetrics", false, "write metrics in the format of OpenMetrics")
	o.addAliases(f)
}

// healthcheckOptions are the options of php-fpm-healthcheck. Each fails where the value is greater.
var healthcheckOptions = []string{
	"accepted-conn", "listen-queue", "max-listen-queue", "idle-processes", "active-processes",
	"total-processes", "max-active-processes", "max-children-reached", "slow-requests",
}

func (o *Options) addAliases(f *pflag.FlagSet) {
	for _, name := range healthcheckOptions {
		f.Var(&alias{name, &o.failIf}, name, "as php-fpm-healthcheck: --fail-if '"+name+">`n`'")
	}
}

// alias is an option of php-fpm-healthcheck.
type alias struct {
	name       string
	conditions *[]string
}

// Set implements pflag.Value.
func (a *alias) Set(s string) error {
	if _, err := strconv.ParseUint(s, 10, 53); err != nil {
		return errors.New("it is a whole number")
	}
	*a.conditions = append(*a.conditions, a.name+">"+s)
	return nil
}

// String implements pflag.Value.
func (a *alias) String() string { return "" }

// Type implements pflag.Value.
func (a *alias) Type() string { return "n" }

// plan is what the options and the environment ask for.
type plan struct {
	*Options
	failIf, warnIf []condition
	expectStatus   []statusRange
	expectBody     *regexp.Regexp
	statusFromEnv  bool
	targets        []target.Target
	named          bool // the user does not know from the command line which target a line is of
}

// newPlan checks the options. Its error is of the command line.
func newPlan(o *Options, args []string, getenv func(string) string) (*plan, error) {
	if err := o.checkFlags(); err != nil {
		return nil, err
	}
	p := &plan{Options: o}
	var err error
	if p.failIf, err = parseConditions("fail-if", o.failIf); err != nil {
		return nil, err
	}
	if p.warnIf, err = parseConditions("warn-if", o.warnIf); err != nil {
		return nil, err
	}
	if p.expectStatus, err = parseStatuses(o.wantedStatus); err != nil {
		return nil, err
	}
	if p.expectBody, err = parseBody(o.wantedBody); err != nil {
		return nil, err
	}
	p.targets, err = findTargets(args, getenv)
	if err != nil {
		return nil, err
	}
	p.named = len(p.targets) > 1 || len(args) == 0
	return p, p.chooseStatus(getenv)
}

// checkFlags refuses flags that contradict each other.
func (o *Options) checkFlags() error {
	formats := 0
	for _, on := range []bool{o.JSON, o.nagios, o.openMetrics} {
		if on {
			formats++
		}
	}
	switch {
	case formats > 1:
		return cli.Usage(errors.New("there can be one of --json, --nagios and --openmetrics"), "leave out all but one")
	case o.path != "" && o.status != "":
		return cli.Usage(errors.New("--path and --status are two questions"), "ask one of them")
	case o.Timeout < 0, o.wait < 0, o.connectTimeout < 0:
		return cli.Usage(errors.New("a time is negative"), "such as --timeout 1s --wait 30s")
	case o.interval < time.Millisecond:
		return cli.Usage(fmt.Errorf("--interval %v is too short", o.interval), "such as --interval 250ms")
	}
	return errors.Join(checkPath("--path", o.path), checkPath("--status", o.status))
}

// checkPath refuses what cannot be the path of a request. A query may follow it.
func checkPath(from, path string) error {
	if path == "" || path[0] == '/' && !strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil
	}
	return cli.Usage(fmt.Errorf("%s %.64q is not a path", from, path), "a path begins with a slash, such as /status, and has no space")
}

// chooseStatus decides whether the status page is asked for.
func (p *plan) chooseStatus(getenv func(string) string) error {
	const variable = "FCGI_STATUS_PATH"
	page, fromEnv := p.needsPage(), getenv(variable)
	if err := checkPath(variable, fromEnv); err != nil {
		return err
	}
	switch {
	case page && p.path != "":
		return cli.Usage(errors.New("a condition needs php-fpm's status page, and --path asks for another"), "give --status PATH instead of --path")
	case p.path != "":
		return nil
	case p.status == "" && fromEnv != "":
		p.status, p.statusFromEnv = fromEnv, true
	case p.status == "" && (page || p.openMetrics):
		p.status = "/status"
	}
	for _, t := range p.targets {
		if page && t.Protocol != "fastcgi" {
			return cli.Usage(fmt.Errorf("a condition needs php-fpm's status page, and %.100q is not FastCGI", t.Name), "latency and queue can be compared of any target")
		}
	}
	return nil
}

// needsPage reports whether a condition is about the status page.
func (p *plan) needsPage() bool {
	return slices.ContainsFunc(slices.Concat(p.failIf, p.warnIf), condition.needsPage)
}

func parseConditions(flag string, texts []string) (conditions []condition, err error) {
	for _, text := range texts {
		c, err := parseCondition(flag, text)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
	}
	return conditions, nil
}
