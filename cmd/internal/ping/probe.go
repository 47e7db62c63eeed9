package ping

import (
	"context"
	"errors"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/target"
)

// probe asks one target once. It returns nil where ctx was cancelled before there was an answer.
func (p *plan) probe(parent context.Context, t target.Target) *Result {
	ctx := parent
	if p.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Timeout)
		defer cancel()
	}
	r := &Result{Target: t}
	start := time.Now()
	a, err := p.fetch(ctx, t)
	if err != nil && parent.Err() != nil {
		return nil
	}
	r.Latency = time.Since(start)
	r.Queue = readQueue(t)
	r.Answer = a
	if err == nil {
		err = p.check(r)
	}
	if err != nil {
		r.State, r.Cause = Dead, err.Error()
		if known := (*trouble)(nil); errors.As(err, &known) {
			r.State, r.Cause, r.Hint = known.state, known.cause, known.hint
		}
	}
	return r
}

// fetch asks the question of the plan.
func (p *plan) fetch(ctx context.Context, t target.Target) (answer, error) {
	path := p.pathFor(t)
	if t.Protocol == "cgi" {
		return runScript(ctx, t, path, p.Timeout)
	}
	c := &call{target: t, connectTimeout: p.connectTimeout, timeout: p.Timeout}
	c.read = readToEnd
	switch {
	case t.Protocol == "scgi":
		c.question = newNetstring(path)
		if p.path == "" {
			c.second = target.CallOverSCGI()
		}
	case t.Protocol == "http":
		_, host := t.Place()
		c.question = newHTTPRequest(host, path)
	case path == "":
		c.question, c.read = newGetValues(), readValues
		c.silence = Busy.String() + ", or does not answer GET_VALUES (hint: --path)"
	default:
		c.question, c.read = newRequest(path), readResponse
	}
	return c.run(ctx)
}

// asksPage reports whether a target is asked for php-fpm's status page.
func (p *plan) asksPage(t target.Target) bool {
	return p.path == "" && p.status != "" && t.Protocol == "fastcgi"
}

// pathFor is the path that a target is asked for; "" asks FCGI_GET_VALUES, or runs a script.
func (p *plan) pathFor(t target.Target) string {
	switch {
	case p.path != "":
		return p.path
	case p.asksPage(t):
		return p.status + "?json"
	case t.Protocol == "scgi", t.Protocol == "http":
		return "/"
	}
	return ""
}
