package bench

import (
	"context"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/request"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/load"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

// exercise is what one target is asked again and again.
type exercise struct {
	target  target.Target
	path    string
	plan    load.Plan
	scripts *scripts // of a CGI target; nil for others
}

// newExercise encodes the request. The caller closes the exercise.
func (r *run) newExercise(ctx context.Context, t target.Target) (*exercise, error) {
	q := r.Request
	q.Target = t
	m, err := q.Message(ctx)
	if err != nil {
		return nil, err
	}
	e := &exercise{target: t, path: m.Path}
	e.plan = load.Plan{
		Conns: r.Conns, Count: r.Count, Span: r.Span, Warmup: r.Warmup, Rate: r.Rate,
		Timeout: r.RequestTimeout, NoKeep: !r.keeps(t),
	}
	e.plan.Network, e.plan.Addr = t.Place()
	return e, e.encode(m, max(r.Multiplex, 1))
}

// encode fills in what depends on the protocol.
func (e *exercise) encode(m *request.Message, streams int) (err error) {
	head, keep := m.Method == "HEAD", !e.plan.NoKeep
	switch e.target.Protocol {
	case "fastcgi":
		if streams*len(m.Body) > mostBytes {
			return cli.Usage(fmt.Errorf("%d requests with a body of %d bytes are too much", streams, len(m.Body)), "--streams can be less")
		}
		for i := range streams {
			e.plan.Requests = append(e.plan.Requests, encodeFastCGI(m, uint16(i+1), keep))
		}
		e.plan.Decoder = newFastCGI(streams, head)
	case "scgi":
		e.plan.Requests = [][]byte{encodeSCGI(m)}
		e.plan.Decoder = func() load.Decoder { return &load.Closed{NoBody: head} }
	case "http":
		e.plan.Requests = [][]byte{encodeHTTP(m, keep)}
		e.plan.Decoder = func() load.Decoder { return &load.HTTP{NoBody: head} }
	default:
		e.scripts, err = newScripts(e.target, m)
		if err != nil {
			return err
		}
		e.plan.Requests = [][]byte{{0}}
		e.plan.Connect = e.scripts.dial
		e.plan.Decoder = newFastCGI(1, head)
	}
	return nil
}

func newFastCGI(streams int, head bool) func() load.Decoder {
	if head {
		return func() load.Decoder { return load.NewFastCGIHead(streams) }
	}
	return func() load.Decoder { return load.NewFastCGI(streams) }
}

func (e *exercise) close() {
	if e.scripts != nil {
		e.scripts.close()
	}
}

// name is the target with the path.
func (e *exercise) name() string {
	if e.target.Protocol == "cgi" {
		return e.target.Name + " " + e.path
	}
	return strings.TrimSuffix(e.target.Name, "/") + e.path
}
