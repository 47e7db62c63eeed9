package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/load"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

// sendFirst sends one request, so that a target that cannot be measured is told at once, and why.
// It reports an answer that is not a success too: that is no error.
func (e *exercise) sendFirst(ctx context.Context) error {
	timed, cancel := context.WithTimeout(ctx, e.plan.Timeout)
	defer cancel()
	if e.target.Protocol != "cgi" {
		conn, err := e.target.Dial(timed)
		if err != nil {
			return err
		}
		conn.Close()
	}
	p := e.plan
	p.Conns, p.Count, p.Span, p.Warmup, p.Rate, p.Requests = 1, 1, 0, 0, 0, p.Requests[:1]
	r, err := p.Run(ctx)
	if err != nil {
		return cli.Failure(err, "")
	}
	if ctx.Err() != nil {
		return nil
	}
	return e.explainFirst(ctx, r)
}

// explainFirst is the error of a first request that got no answer of the protocol.
func (e *exercise) explainFirst(ctx context.Context, r *load.Result) error {
	for kind := range r.Errors {
		if !strings.HasPrefix(kind, "status ") {
			return e.describeError(ctx, kind)
		}
		if e.target.Protocol == "scgi" && e.target.Identify(ctx, target.Patient) == "http" {
			return cli.Failure(errors.New("the first answer is not SCGI"), e.target.SpokenHint("http"))
		}
	}
	return nil
}

func (e *exercise) describeError(ctx context.Context, kind string) error {
	err := fmt.Errorf("the first request failed: %s", kind)
	if kind == load.KindTimeout {
		err = &waitError{fmt.Errorf("the first request had no answer within %v", e.plan.Timeout)}
	}
	if hint, known := kindHints[kind]; known {
		return cli.Failure(err, hint)
	}
	if err = e.target.Explain(ctx, err); cli.Hint(err) != "" {
		return err
	}
	return cli.Failure(err, fmt.Sprintf("cgikit request -v '%.200s' '%.200s' shows the answer", e.target.Name, e.path))
}

// kindHints are what to do about an error of the loader.
var kindHints = map[string]string{
	load.KindUnended:              "an answer came and did not end within --request-timeout",
	"refused: FCGI_CANT_MPX_CONN": "the application handles one request on a connection at a time: leave out --streams",
	"refused: FCGI_UNKNOWN_ROLE":  "the application is no responder",
	"refused: FCGI_OVERLOADED":    "the application has no room for more requests now",
}

// waitError is an error of which package target says that the target is busy.
type waitError struct{ error }

// Unwrap returns what a deadline that has passed is.
func (*waitError) Unwrap() error { return os.ErrDeadlineExceeded }
