package ping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/target"
)

// check compares an answer with what is wanted. Its error is a *trouble.
func (p *plan) check(r *Result) error {
	for _, check := range []func(*Result) error{p.checkStatus, p.checkBody, p.readPool, p.checkConditions} {
		if err := check(r); err != nil {
			return err
		}
	}
	return nil
}

// checkStatus wants what --expect-status says. Without it a path that the user named must be there:
// 2xx or 3xx. Where no path was named, any answer below 500 shows that the application works.
func (p *plan) checkStatus(r *Result) error {
	status := r.Answer.status
	wanted := p.expectStatus
	switch {
	case status == 0:
		return nil
	case wanted == nil && p.path == "" && !p.asksPage(r.Target):
		wanted = []statusRange{{100, 499}}
	case wanted == nil:
		wanted = []statusRange{{200, 399}}
	}
	if slices.ContainsFunc(wanted, func(s statusRange) bool { return s.first <= status && status <= s.last }) {
		return nil
	}
	return newTrouble(Unhealthy, hintForBody(r.Answer.body), "%s answers %s%s", p.question(r), r.Answer.statusLine(), p.expected())
}

// statusLine is such as "404 Not Found".
func (a *answer) statusLine() string {
	return strings.TrimSpace(fmt.Sprintf("%d %.40s", a.status, a.reason))
}

func (p *plan) expected() string {
	if p.wantedStatus == "" {
		return ""
	}
	return fmt.Sprintf(", not %.40s", p.wantedStatus)
}

// question names what was asked, for a sentence.
func (p *plan) question(r *Result) string {
	_, place := r.Target.Place()
	if r.Target.Protocol == "cgi" {
		place = r.Target.Path
	}
	if path := p.pathFor(r.Target); path != "" {
		return shortenLeft(place, 80) + ": " + shorten(path, 60)
	}
	return shortenLeft(place, 80)
}

// hintForBody explains the answers that php-fpm gives instead of a page.
func hintForBody(body []byte) string {
	switch {
	case target.IsScriptNotFound(body):
		return "the path is pm.status_path or ping.path of the pool, or the full name of a script as php-fpm sees it"
	case target.IsExtensionDenied(body):
		return "security.limit_extensions of the pool does not allow that script"
	}
	return ""
}

func (p *plan) checkBody(r *Result) error {
	if p.expectBody == nil || p.expectBody.Match(r.Answer.body) {
		return nil
	}
	return newTrouble(Unhealthy, fmt.Sprintf("the body begins with %.60q", r.Answer.body), "%s: the body does not match %.60q", p.question(r), p.expectBody)
}

// readPool reads the status page. A page that only FCGI_STATUS_PATH names, and no condition needs,
// may be another page: people set it to the ping page.
func (p *plan) readPool(r *Result) error {
	if !p.asksPage(r.Target) {
		return nil
	}
	pool, err := parsePool(r.Answer.body)
	if err == nil {
		r.Answer.pool = pool
		return nil
	}
	if p.statusFromEnv && !p.needsPage() {
		return nil
	}
	return newTrouble(Unhealthy, fmt.Sprintf("the answer begins with %.40q; set pm.status_path of the pool, and give it with --status", r.Answer.body),
		"%s is not php-fpm's status page: %v", p.question(r), err)
}

func (p *plan) checkConditions(r *Result) error {
	for _, c := range p.failIf {
		if _, known := c.value(r); !known && c.needsPage() {
			return newTrouble(Unhealthy, "its lines are: --status with -v", "the status page has no %s", c.name)
		}
		if c.check(r) {
			return newTrouble(Unhealthy, "", "%s%s", c.describe(r), r.figures())
		}
	}
	for _, c := range p.warnIf {
		if c.check(r) {
			return newTrouble(Warning, "", "%s%s", c.describe(r), r.figures())
		}
	}
	return nil
}

// figures is what a reader wants to know beside a condition that is true.
func (r *Result) figures() string {
	if r.Answer.pool == nil {
		return ""
	}
	return fmt.Sprintf(" (%v, %v)", r.Answer.pool, r.queueText())
}
