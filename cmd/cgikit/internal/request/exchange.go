package request

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway"
)

// exchanger sends one message, once or several times.
type exchanger struct {
	*message
	backend target.Backend
	tap     *tap
	output  *output
}

// send sends m, as often as Repeat says, and shows each answer.
func (r *Request) send(ctx context.Context, m *message) error {
	backend, t, err := r.open(m)
	if err != nil {
		return err
	}
	defer backend.Close()
	x := &exchanger{m, backend, t, r.newOutput()}
	t.connected = x.showConnection
	for range max(r.Repeat, 1) {
		if err := x.run(ctx); err != nil {
			return errors.Join(err, x.output.close())
		}
	}
	return x.output.close()
}

// run performs one exchange.
func (x *exchanger) run(ctx context.Context) error {
	a := &answer{stderr: x.request.newErrorStream()}
	x.tap.begin()
	a.began = x.tap.snapshot().began
	if x.request.Target.Protocol == "cgi" || x.tap.snapshot().ready {
		x.showMessage() // there is no connection to wait for
	}
	ctx, stop := x.watchSilence(ctx)
	defer stop()
	resp, err := x.perform(ctx, a)
	a.noteEnd(x.tap.snapshot(), resp, x.request.Target.Protocol, err)
	a.stderr.flush()
	return x.report(ctx, a, err)
}

// perform sends the message and copies the answer. The response is not nil once there was a head.
func (x *exchanger) perform(ctx context.Context, a *answer) (*gateway.Response, error) {
	r := &gateway.Request{Environ: x.environ.environ(), Stderr: a.stderr, Scheme: "http"}
	if x.body != nil {
		stdin, err := x.body.open()
		if err != nil {
			return nil, err
		}
		defer stdin.Close()
		r.Stdin, r.ContentLength = stdin, x.body.size()
	}
	resp, err := x.backend.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a.noteHead(resp)
	if err := x.showHead(a); err != nil {
		return resp, errOutput{err}
	}
	return resp, x.copyBody(a, resp.Body)
}

// errOutput is a failure to write the answer, not to get it.
type errOutput struct{ error }

func (e errOutput) Unwrap() error { return e.error }

// copyBody copies the body to the output, a block at a time.
func (x *exchanger) copyBody(a *answer, body io.Reader) error {
	block := make([]byte, 32<<10)
	for {
		n, err := body.Read(block)
		a.size += int64(n)
		if room := x.keep() - len(a.body); room > 0 {
			a.body = append(a.body, block[:min(n, room)]...)
		}
		if writeErr := x.output.write(block[:n], x.discards(a)); writeErr != nil {
			return errOutput{writeErr}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// The largest parts of a body that are kept, in bytes: to recognise an answer, to show it as JSON,
// and to decode the answer to a call.
const (
	keptBody     = 512
	keptJSONBody = 1 << 20
	keptCallBody = 16 << 20
)

// keep is how many bytes of the body are kept.
func (x *exchanger) keep() int {
	switch {
	case x.request.isCall():
		return keptCallBody
	case x.request.JSON:
		return keptJSONBody
	}
	return keptBody
}

// discards reports whether the body is not an output of its own.
func (x *exchanger) discards(a *answer) bool {
	r := x.request
	return r.Fail && a.code() >= 400 || r.isCall() && r.Output == "" || r.JSON && r.Output == "" || r.Quiet && r.Output == ""
}

// isCall reports whether the answer is that of a remote procedure call, which is decoded.
func (r *Request) isCall() bool { return r.XMLRPC != "" || r.JSONRPC != "" }

// waitError is the error of a wait that ctx has ended; waited says what for.
func waitError(ctx context.Context, waited string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &cli.Error{Err: errors.New("out of time while " + waited), Status: StatusTimedOut}
	}
	return ctx.Err()
}

// milliseconds is a duration as it is shown.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
