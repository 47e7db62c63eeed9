package host

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// relay is one request to the backend, with the local redirects that follow.
type relay struct {
	handler *Handler
	access  *gateway.Access
	current *gateway.Request // as it arrived, or as the last local redirect made it
	place   location         // of the current request
	sent    *gateway.Request // as it was sent to the backend
	stderr  *lineWriter      // error stream of the backend; nil until describe
	share   *exchange.Share  // nil until budgetShare
}

// follow returns the response to r, after any local redirects.
func (x *relay) follow(r *gateway.Request) (*gateway.Response, error) {
	for {
		x.current = r
		resp, err := x.roundTrip()
		if err != nil {
			return nil, err
		}
		target, ok := localTarget(resp)
		if !ok {
			return resp, nil
		}
		discardBody(resp.Body)
		if r, err = x.redirect(target); err != nil {
			return nil, err
		}
		if x.handler.Router != nil {
			return nil, &rerouted{r}
		}
	}
}

// roundTrip sends the current request to the backend.
func (x *relay) roundTrip() (_ *gateway.Response, err error) {
	h := x.handler
	if x.sent, err = x.describe(x.current); err != nil {
		return nil, err
	}
	resp, err := h.spool.roundTrip(x.sent, x.budgetShare())
	if err != nil {
		return nil, x.blame(err)
	}
	if !x.access.Start.IsZero() && x.access.Head == 0 {
		x.access.Head = time.Since(x.access.Start)
	}
	return resp, nil
}

// close closes the error stream, which the backend may still hold.
func (x *relay) close() {
	if x.stderr != nil {
		x.stderr.close()
	}
}

// blame returns err as an error whose text the client may see (see [gateway.Blame]). An error
// without a status is the backend's fault.
func (x *relay) blame(err error) error {
	err = gateway.Blame(x.current, err)
	status, _ := gateway.ErrorPage(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && !strings.HasPrefix(status, "504"):
		return &gateway.BackendError{Status: 504, Reason: "the application did not answer in time", Err: err}
	case errors.Is(err, gateway.ErrAbort), errors.As(err, new(*gateway.ServerError)), !strings.HasPrefix(status, "500"):
		return err
	// an error of r.Stdin, since an error of the backend has a status
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrDeadlineExceeded):
		return &gateway.BodyError{Err: err}
	}
	return &gateway.BackendError{Status: 502, Reason: "the request to the application failed", Err: err}
}

// respond passes the backend's response on.
func (x *relay) respond(w gateway.ResponseWriter, resp *gateway.Response) error {
	file, err := x.openOffloaded(resp)
	if err != nil || file != nil {
		discardBody(resp.Body)
	}
	switch {
	case err != nil:
		return x.refuse(w, err)
	case file != nil:
		defer file.Close()
		return sendFile(w, x.withoutBody(), resp, file)
	}
	x.readAhead(resp)
	x.cleanFields(resp)
	return gateway.Forward(answered{resp}).ServeGateway(w, x.sent)
}

// withoutBody returns the request without its body, which the backend may still be reading.
func (x *relay) withoutBody() *gateway.Request {
	c := *x.sent
	c.Stdin, c.ContentLength = gateway.NoBody, 0
	return &c
}

// answered is a Backend that returns a response that has begun already.
type answered struct{ resp *gateway.Response }

func (a answered) RoundTrip(*gateway.Request) (*gateway.Response, error) { return a.resp, nil }

// rerouted is the request of a local redirect that the Router must answer.
type rerouted struct{ request *gateway.Request }

func (*rerouted) Error() string { return "host: local redirect to the Router" }

// refuse answers a request in place of the backend. The gateway answers for an error that refuse
// returns.
func (x *relay) refuse(w gateway.ResponseWriter, err error) error {
	h, away := x.handler, (*rerouted)(nil)
	switch {
	case errors.As(err, &away):
		return h.Router.ServeGateway(w, away.request)
	case errors.Is(err, ErrNotScript) && h.Next != nil:
		return h.Next.ServeGateway(w, x.requestForNext(err))
	}
	p, ok := x.errorPage(err)
	if !ok {
		return err
	}
	x.access.Err = err
	return p.send(w)
}

// requestForNext returns the request for Next: for a file, a folder, or the Fallback.
func (x *relay) requestForNext(err error) *gateway.Request {
	r, fallback := x.requestBelowMount(), (*staticFallback)(nil)
	if errors.As(err, &fallback) {
		r.Environ.Set("PATH_INFO", fallback.name)
	}
	return r
}

// mostDiscarded bounds the reading of a body that is not used. If a body is read to its end, its
// backend need not be killed and its connection can be used again.
const mostDiscarded = 64 << 10

func discardBody(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, mostDiscarded)
	_ = body.Close()
}
