package gatewaytest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// Transport is a gateway under test.
type Transport struct {
	// Start serves app until the test ends and returns the URL at which it is mounted, without a
	// slash at its end, such as "http://127.0.0.1:8080/app". A transport that runs its application
	// in another process arranges for [App] to be served there and leaves app alone.
	Start func(t testing.TB, app gateway.App) (mount string)

	// Exclusions are the cases that this transport is known to fail.
	Exclusions []Exclusion

	// Answers, if not nil, collects the responses for [Answers.Compare].
	Answers *Answers
}

// Exclusion names a case that a transport is known to fail, and the reason. An excluded case still
// runs, unless Fatal is set, and fails the test when it passes, so that the list stays true.
type Exclusion struct {
	Case   string // a Case's Name
	Reason string // server, version, what was seen, and the rule or setting of the server that causes it

	// Fatal marks a case that would crash the server under test, or make later cases fail. Such a
	// case does not run.
	Fatal bool
}

// Case is one requirement.
type Case struct {
	Name string // such as "repeated-slashes"
	Rule string // what is required, and the section that requires it

	app   gateway.AppFunc
	drive func(p *probe)
}

// Cases returns every case, in the order in which Run runs them.
func Cases() []Case {
	return slices.Concat(requestCases, bodyCases, responseCases, refusedCases, fileCases, streamCases, connectionCases, failureCases)
}

// Run runs every case against tr, each as a sub-test. The cases run one after another.
//
// Many cases make the App fail on purpose, and the gateway logs each failure: discard its log, or
// write it to a file. A TCP server that closes a connection with unread input may reset its own
// response: it must close its writing side first, and then read the rest.
func Run(t *testing.T, tr Transport) {
	t.Helper()
	excluded := exclusions(t, tr)
	mount := tr.Start(t, App)
	u, err := url.Parse(mount)
	if err != nil || u.Host == "" || strings.HasSuffix(mount, "/") {
		t.Fatalf("the transport's Start returned %q, %v; want a URL without a slash at its end", mount, err)
	}
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			p := newProbe(u, c)
			reason := excluded[c.Name].Reason
			if excluded[c.Name].Fatal {
				t.Logf("not run: %s", reason)
				return
			}
			if reason != "" {
				p.prompt, p.patience = shortPrompt, shortPatience
			}
			p.run(c.drive)
			if bad := checkOutcome(c, p.failures, reason); bad != "" {
				t.Error(bad)
			} else if reason != "" {
				t.Logf("excluded: %s\nseen: %s", reason, strings.Join(p.failures, "\n"))
			}
			tr.Answers.add(c.Name, p.replies)
		})
	}
}

// exclusions indexes the transport's exclusions, and fails the test for one that names no case.
func exclusions(t *testing.T, tr Transport) map[string]Exclusion {
	index := make(map[string]Exclusion)
	for _, x := range tr.Exclusions {
		known := slices.ContainsFunc(Cases(), func(c Case) bool { return c.Name == x.Case })
		if !known || x.Reason == "" {
			t.Errorf("exclusion %q has no case or no reason", x.Case)
		}
		index[x.Case] = x
	}
	return index
}

// checkOutcome returns why a case fails its test, or "". An excluded case must have failures.
func checkOutcome(c Case, failures []string, reason string) string {
	switch {
	case reason != "" && len(failures) == 0:
		return "the excluded case passes now; remove it from the list: " + reason
	case reason == "" && len(failures) > 0:
		return strings.Join(failures, "\n") + "\nrule: " + c.Rule
	}
	return ""
}

// probe drives one case and collects its failures. It replaces a testing.T, so that an excluded
// case may fail.
type probe struct {
	base string // the mount's URL
	url  *url.URL
	name string
	// bounds one exchange: a server that hangs fails its case, and not the whole run
	patience time.Duration
	prompt   time.Duration // bounds the wait for an event that happens soon or never
	failures []string
	replies  []*reply
}

// Bounds on waiting. An excluded case gets shortPrompt, since it is expected to time out.
const (
	patience      = 30 * time.Second
	shortPatience = time.Second
	shortPrompt   = 250 * time.Millisecond
)

func newProbe(mount *url.URL, c Case) *probe {
	return &probe{base: mount.String(), url: mount, name: c.Name, patience: patience, prompt: patience}
}

// stopped is the panic by which fatalf ends a case.
type stopped struct{}

func (p *probe) run(drive func(p *probe)) {
	defer func() {
		if v := recover(); v != nil && v != (stopped{}) {
			panic(v)
		}
	}()
	drive(p)
}

func (p *probe) errorf(format string, args ...any) {
	p.failures = append(p.failures, fmt.Sprintf(format, args...))
}

func (p *probe) fatalf(format string, args ...any) {
	p.errorf(format, args...)
	panic(stopped{})
}

// want records a failure unless got is want. The message has only the beginnings of both.
func (p *probe) want(what, got, want string) {
	if got != want {
		p.errorf("%s: got %s; want %s", what, short(got), short(want))
	}
}

func short(s string) string {
	const most = 300
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q... (%d bytes)", s[:most], len(s))
}
