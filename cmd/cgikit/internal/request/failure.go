package request

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// exitError returns err with an exit status and a hint. err ended the exchange that a describes.
func (r *Request) exitError(ctx context.Context, a *answer, err error) error {
	switch {
	case errors.As(context.Cause(ctx), new(*silenceError)):
		return context.Cause(ctx)
	case errors.Is(ctx.Err(), context.Canceled):
		return cli.Exit(cli.StatusInterrupted)
	case isWriteFailure(err):
		return &cli.Error{Err: fmt.Errorf("write the answer: %w", writeCause(err)), Hint: cli.Hint(err), Status: StatusWriteFailed}
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return r.timeoutFailure(ctx, a, err)
	case errors.As(err, new(*gateway.BodyError)), cli.Status(err) == cli.StatusUsage:
		return err
	case errors.As(err, new(*gateway.RequestError)):
		return cli.Usage(err, "")
	case r.Target.Protocol == "cgi":
		return r.scriptFailure(a, err)
	}
	return r.peerFailure(ctx, a, err)
}

// writeCause is why the output took no more.
func writeCause(err error) error {
	if failed := (errOutput{}); errors.As(err, &failed) {
		return failed.error
	}
	return err
}

// timeoutFailure says what was waited for when the time was over.
func (r *Request) timeoutFailure(ctx context.Context, a *answer, err error) error {
	script, bound := r.Target.Protocol == "cgi", r.Timeout
	if ctx.Err() == nil {
		bound = r.ConnectTimeout // which alone has ended before the whole
	}
	within := ""
	if bound > 0 {
		within = fmt.Sprintf(" within %v", bound)
	}
	text := ""
	switch {
	case !script && !a.ready:
		_, address := r.Target.Place()
		text = fmt.Sprintf("no connection to %s%s", address, within)
	case !script && a.bytes == 0:
		text = fmt.Sprintf("connected, and no answer came%s", within)
	case script && a.fields == nil:
		text = fmt.Sprintf("the script was started, and sent no head%s", within)
	case a.fields == nil:
		text = fmt.Sprintf("the head of the answer was not complete%s: it begins %q", within, a.start)
	default:
		text = fmt.Sprintf("the answer was not complete%s: %d bytes of its body came", within, a.size)
	}
	hint := ""
	if a.fields == nil {
		hint = cli.Hint(r.Target.Explain(ctx, fmt.Errorf("%w: %w", err, context.DeadlineExceeded)))
	}
	return &cli.Error{Err: errors.New(text), Hint: hint, Status: StatusTimedOut}
}

// peerFailure explains an exchange with a server that failed.
func (r *Request) peerFailure(ctx context.Context, a *answer, err error) error {
	head, refused := (*gateway.HeadError)(nil), wire.EndRequest{}
	switch {
	case !a.ready:
		explained := r.Target.Explain(ctx, err)
		return &cli.Error{Err: explained, Hint: cli.Hint(explained), Status: StatusNoConnection}
	case errors.As(err, &refused):
		text := fmt.Errorf("the application refused the request: %w, appStatus %d", refused, refused.AppStatus)
		return &cli.Error{Err: text, Hint: refusalHints[refused.ProtocolStatus], Status: StatusNothingCame}
	case a.bytes == 0:
		return r.silentFailure(ctx)
	case errors.As(err, &head) && head.Start != "":
		text := fmt.Errorf("the answer has no valid head: %w; it begins %q", head, head.Start)
		return &cli.Error{Err: text, Hint: headHint(head), Status: StatusNotProtocol}
	case errors.As(err, &head):
		return &cli.Error{Err: errors.New("the answer is empty: it has no head"), Status: StatusNothingCame}
	case a.fields == nil && r.isForeign(a, err):
		return r.foreignFailure(ctx, a, err)
	case a.fields == nil:
		return &cli.Error{Err: fmt.Errorf("the answer was cut off within its head; it begins %q", a.start), Status: StatusCutOff}
	}
	return &cli.Error{Err: fmt.Errorf("the answer was cut off after %d bytes of its body: %w", a.size, cause(err)), Status: StatusCutOff}
}

// cause is the detail of a failure of the backend, without what a log says around it.
func cause(err error) error {
	for b := (*gateway.BackendError)(nil); errors.As(err, &b) && b.Err != nil; {
		err = b.Err
	}
	return err
}

// refusalHints tell what a protocol status of END_REQUEST means.
var refusalHints = map[wire.ProtocolStatus]string{
	wire.CannotMultiplex: "the application handles one request on a connection at a time",
	wire.Overloaded:      "the application has no room for more requests now",
	wire.UnknownRole:     "the application does not know that role: --role responder is what most know",
}

// silentFailure explains a connection that was closed without a byte.
func (r *Request) silentFailure(ctx context.Context) error {
	err := errors.New("the connection was closed without an answer")
	if other := r.Target.Identify(ctx, target.Patient); other != "" && other != r.Target.Protocol {
		return &cli.Error{Err: err, Hint: r.Target.SpokenHint(other), Status: StatusNotProtocol}
	}
	return &cli.Error{Err: err, Hint: "the application may have crashed, or refuses this client: its log tells", Status: StatusNothingCame}
}

// isForeign reports whether the answer is not of the target's protocol.
func (r *Request) isForeign(a *answer, err error) bool {
	return errors.As(err, new(*wire.ProtocolError)) || foreignProtocol(r.Target.Protocol, a.start) != "" ||
		r.Target.Protocol == "http" && !target.IsHTTP(a.start) && len(a.start) >= len("HTTP/1.")
}

// foreignProtocol returns which protocol an answer begins with, "" for the named one and for none
// that is known.
func foreignProtocol(named, start string) string {
	switch {
	case named != "http" && named != "scgi" && target.IsHTTP(start): // many SCGI applications send a status line
		return "http"
	case named != "fastcgi" && target.IsFastCGI(start):
		return "fastcgi"
	case named != "scgi" && named != "cgi" && target.IsCGIHead(start):
		return "scgi"
	}
	return ""
}

// foreignFailure shows how an answer of another protocol begins, and names that.
func (r *Request) foreignFailure(ctx context.Context, a *answer, err error) error {
	text := fmt.Errorf("the answer is not %s; it begins %q", strings.ToUpper(r.Target.Protocol), a.start)
	if broken := (*wire.ProtocolError)(nil); errors.As(err, &broken) {
		text = fmt.Errorf("the answer is not FastCGI: %s; it begins %q", strings.TrimPrefix(broken.Error(), "fastcgi: "), a.start)
	}
	hint := ""
	if other := foreignProtocol(r.Target.Protocol, a.start); other != "" {
		hint = r.Target.SpokenHint(other)
	} else if other := r.Target.Identify(ctx, target.Patient); other != "" && other != r.Target.Protocol {
		hint = r.Target.SpokenHint(other)
	}
	return &cli.Error{Err: text, Hint: hint, Status: StatusNotProtocol}
}

// isRefusedByHTTP reports whether an HTTP server has refused an SCGI request, by a status line that
// SCGI applications send too.
func (r *Request) isRefusedByHTTP(ctx context.Context, a *answer) bool {
	return r.Target.Protocol == "scgi" && a.code() >= 400 && target.IsHTTP(a.start) && r.Target.Identify(ctx, target.Patient) == "http"
}
