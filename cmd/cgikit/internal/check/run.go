package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

// Run is a target and how it is checked. A Run must not be used by two goroutines at the same time.
type Run struct {
	Target  target.Target
	Timeout time.Duration // of each check; zero is 2 seconds
	Quiet   time.Duration // to see that nothing comes; zero is a tenth of Timeout, at most 0.2 s
	Path    string        // of the plain request, with its query; "" is /
	Vars    []Variable    // that replace those of the plain request
	Echo    bool          // the application is that of Echo
	Hide    bool          // keep no bytes, which may have a secret of Vars in any form
	Mount   string        // of that application in an HTTP server, as ParseURL returns it

	Report func(Result) // called after each check, if it is not nil

	stall time.Duration // after which a head that stalls must have ended the connection; zero is maxStall
	plain int           // the status of the answer to the plain request
}

// Variable is a meta-variable of a request.
type Variable struct{ Name, Value string }

// Result is what one check found.
type Result struct {
	Check
	Verdict Verdict       `json:"verdict"`
	Reason  string        `json:"reason,omitempty"` // why it does not pass
	Known   string        `json:"known,omitempty"`  // the reason of a failure that was expected
	From    []string      `json:"from,omitempty"`   // the client's ends of the connections
	Begin   time.Time     `json:"time"`
	Took    time.Duration `json:"nanoseconds"`

	sent, got transcript
}

func (r *Run) timeout() time.Duration {
	if r.Timeout <= 0 {
		return 2 * time.Second
	}
	return r.Timeout
}

func (r *Run) quiet() time.Duration {
	if r.Quiet <= 0 {
		return min(r.timeout()/10, 200*time.Millisecond)
	}
	return r.Quiet
}

// probe is one check under way.
type probe struct {
	ctx       context.Context
	run       *Run
	conns     []*conn
	sent, got transcript
	result    *Result
}

// All runs the checks, one at a time. It first sends the plain request. Its error says, in one line
// and with a hint, why that has no answer; or it is that of ctx, and the results are those that
// there are.
func (r *Run) All(ctx context.Context, checks []Check) ([]Result, error) {
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	var results []Result
	d := dead{}
	for _, c := range checks {
		if d.since != "" && d.tries < maxTries && r.answers(ctx) {
			d = dead{}
		} else if d.since != "" {
			d.tries++
		}
		result := r.one(ctx, c, d.since)
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		results = append(results, result)
		if r.Report != nil {
			r.Report(result)
		}
		if failed := result.Verdict == Fail || result.Verdict == Warn; failed && !r.answers(ctx) {
			d.since = c.ID
		}
	}
	return results, nil
}

// dead is a target that answers no more since a check. It may be started again by what watches it.
type dead struct {
	since string
	tries int // how often it was asked again in vain
}

const maxTries = 5

// one runs one check, unless the target is dead since an earlier one.
func (r *Run) one(ctx context.Context, c Check, deadSince string) Result {
	result := Result{Check: c, Begin: time.Now()}
	var err error
	switch {
	case deadSince != "":
		err = skipped("the target answers no more since %s", deadSince)
	case c.Echo && !r.Echo:
		err = skipped("it needs the echo application: --echo")
	default:
		err = r.try(ctx, &result)
	}
	result.Verdict, result.Reason = verdictOf(c.Level, err)
	result.Took = time.Since(result.Begin)
	return result
}

// try runs the function of a check within the time that a check has.
func (r *Run) try(ctx context.Context, result *Result) error {
	return r.within(ctx, result, result.Check.run)
}

// within runs f with a probe, and closes its connections.
func (r *Run) within(ctx context.Context, result *Result, f func(*probe) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout())
	defer cancel()
	p := &probe{ctx: ctx, run: r, result: result}
	defer func() {
		for _, c := range p.conns {
			c.Close()
		}
		if r.Hide {
			p.sent.kept, p.got.kept = nil, nil
		}
		result.sent, result.got = p.sent, p.got
	}()
	return f(p)
}

// prepare sends the plain request.
func (r *Run) prepare(ctx context.Context) error {
	var result Result
	err := r.within(ctx, &result, func(p *probe) (err error) {
		r.plain, err = p.status(p.run.request(nil))
		if err == nil && r.Target.Protocol == "http" {
			_, err = p.variables("")
		}
		return err
	})
	if err == nil || ctx.Err() != nil || cli.Hint(err) != "" {
		return errors.Join(ctx.Err(), err)
	}
	err = fmt.Errorf("%.200s: the plain request is not answered: %w", r.Target.Name, err)
	if spoken := r.spoken(ctx, err); spoken != "" {
		return cli.Failure(err, r.Target.SpokenHint(spoken))
	}
	return cli.Failure(err, r.plainHint(err, result.got.kept))
}

// spoken returns the protocol at the address of the target if it is not the target's, or else "".
// err is the error of the plain request.
func (r *Run) spoken(ctx context.Context, err error) string {
	if r.Target.Protocol == "cgi" {
		return ""
	}
	if other := r.Target.Identify(ctx, target.Patience(err)); other != r.Target.Protocol {
		return other
	}
	return ""
}

// plainHint is what the user can do about a plain request that is not answered.
func (r *Run) plainHint(err error, got []byte) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "chmod +x " + r.Target.Path
	case r.Target.Protocol == "http" && len(got) > 0:
		return "the application at that URL is that of: cgikit serve -l LISTEN echo:"
	case r.Target.Protocol == "cgi":
		return "run it by hand, with the variables that cgikit request -n --print shell cgi:SCRIPT shows"
	case len(got) == 0:
		return "the target accepts connections and does not answer: its workers may be busy, or --timeout is too short"
	}
	return fmt.Sprintf("the answer begins with %.40q", got)
}

// answers reports whether the target still answers the plain request, within the time of a check.
func (r *Run) answers(ctx context.Context) bool {
	err := r.within(ctx, new(Result), func(p *probe) error { return p.alive() })
	return err == nil || ctx.Err() != nil
}

// alive checks that the target answers the plain request as before, on a new connection.
func (p *probe) alive() error {
	for _, c := range p.conns {
		c.Close()
	}
	status, err := p.status(p.run.request(nil))
	switch {
	case err != nil:
		return broken("the next request, on a new connection, is not answered: %v", err)
	case status != p.run.plain:
		return broken("the next request, on a new connection, gets status %d in place of %d", status, p.run.plain)
	}
	return nil
}
