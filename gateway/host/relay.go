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

// relay is one request on its way to the backend, and through local redirects to where they lead.
type relay struct {
	handler *Handler
	access  *gateway.Access
	current *gateway.Request // as it came in, or as the last local redirect made it
	place   location         // of the current request
	sent    *gateway.Request // as the backend got it
	stderr  *lineWriter      // nil until there is a backend to listen to
	share   *exchange.Share  // nil until something may wait
}

// follow returns the response to r, or to what local redirects made of it.
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
		drain(resp.Body)
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
	resp, err := h.spool.roundTrip(x.sent, x.reserve())
	if err != nil {
		return nil, x.blame(err)
	}
	if !x.access.Start.IsZero() && x.access.Head == 0 {
		x.access.Head = time.Since(x.access.Start)
	}
	return resp, nil
}

// end lets go of what the backend may still hold.
func (x *relay) end() {
	if x.stderr != nil {
		x.stderr.close()
	}
}

// blame returns err as a client may be told of it: see [gateway.Blame]. An error that has nothing
// to say of that is the backend's.
func (x *relay) blame(err error) error {
	err = gateway.Blame(x.current, err)
	status, _ := gateway.ErrorPage(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && !strings.HasPrefix(status, "504"):
		return &gateway.BackendError{Status: 504, Reason: "the application did not answer in time", Err: err}
	case errors.Is(err, gateway.ErrAbort), errors.As(err, new(*gateway.ServerError)), !strings.HasPrefix(status, "500"):
		return err
	// of r.Stdin: a backend's own has a page
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrDeadlineExceeded):
		return &gateway.BodyError{Err: err}
	}
	return &gateway.BackendError{Status: 502, Reason: "the application cannot be asked", Err: err}
}

// respond sends the backend's response on.
func (x *relay) respond(w gateway.ResponseWriter, resp *gateway.Response) error {
	file, err := x.offloaded(resp)
	if err != nil || file != nil {
		drain(resp.Body)
	}
	switch {
	case err != nil:
		return x.refuse(w, err)
	case file != nil:
		defer file.Close()
		return sendFile(w, x.bodyless(), resp, file)
	}
	x.readAhead(resp)
	x.clean(resp)
	return gateway.Forward(answered{resp}).ServeGateway(w, x.sent)
}

// bodyless is the request without its body, which the backend may still be reading.
func (x *relay) bodyless() *gateway.Request {
	c := *x.sent
	c.Stdin, c.ContentLength = gateway.NoBody, 0
	return &c
}

// answered is the Backend of an exchange that has begun.
type answered struct{ resp *gateway.Response }

func (a answered) RoundTrip(*gateway.Request) (*gateway.Response, error) { return a.resp, nil }

// rerouted is the request that a local redirect leads to, where the Router is to answer it.
type rerouted struct{ request *gateway.Request }

func (*rerouted) Error() string { return "host: local redirect to the Router" }

// refuse answers what the backend does not get to see. What it returns is answered by the gateway.
func (x *relay) refuse(w gateway.ResponseWriter, err error) error {
	h, away := x.handler, (*rerouted)(nil)
	switch {
	case errors.As(err, &away):
		return h.Router.ServeGateway(w, away.request)
	case errors.Is(err, ErrNotScript) && h.Next != nil:
		return h.Next.ServeGateway(w, x.relocated())
	}
	p, ok := x.pageOf(err)
	if !ok {
		return err
	}
	x.access.Err = err
	return p.send(w)
}

// Bounds on reading what is thrown away: a backend that is read to its end need not be killed, nor
// its connection closed.
const mostDrained = 64 << 10

func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, mostDrained)
	_ = body.Close()
}
