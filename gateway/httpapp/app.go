package httpapp

import (
	"context"
	"net/http"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// New returns an App that answers with h; the package documentation says which request h gets and what becomes of its
// response. Calls of the App may overlap if h allows that, as every handler of an http.Server does.
//
// A panic of h is the gateway's to handle: an error page, or a broken response when the head was committed. The status is
// committed with the first 4 KiB of body, or a Flush, not by WriteHeader. A request that net/http would refuse, for its Host
// or its length, is refused with a [*gateway.RequestError], which is a 400.
func New(h http.Handler) gateway.App { return app{h} }

// Environ returns the meta-variables of the request that r was made from. It is nil, which reads as empty, for a request that
// did not come through [New].
func Environ(r *http.Request) *util.Environ {
	if request := Request(r); request != nil {
		return request.Environ
	}
	return nil
}

// Request returns the gateway's request that r was made from, for its error stream and whatever else http.Request has no place
// for. It is nil for a request that did not come through [New]. Its Stdin is r.Body: only one of them should be read.
func Request(r *http.Request) *gateway.Request {
	request, _ := r.Context().Value(requestKey{}).(*gateway.Request)
	return request
}

type app struct{ handler http.Handler }

// handling is what one request needs besides the http.Request, in one allocation. The handler may hold on to parts of it, so
// it is not pooled.
type handling struct {
	ctx      requestContext
	body     body
	response responseWriter
}

// ServeGateway implements gateway.App. A panic goes on to the gateway from here: its stack then still has the handler on it.
func (a app) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) (err error) {
	x := &handling{
		ctx:      requestContext{Context: r.Context(), request: r},
		body:     body{stdin: r.Stdin},
		response: responseWriter{out: w, request: r},
	}
	request, err := x.newRequest(r)
	if err != nil {
		return err
	}
	defer func() {
		if v := recover(); v == http.ErrAbortHandler {
			err = gateway.ErrAbort
		} else if v != nil {
			panic(v)
		}
	}()
	a.handler.ServeHTTP(&x.response, request)
	x.response.finish()
	return nil
}

type requestKey struct{}

// requestContext adds the gateway's request to its context. It is no context.WithValue because that is an allocation more.
type requestContext struct {
	context.Context
	request *gateway.Request
}

func (c *requestContext) Value(key any) any {
	if key == (requestKey{}) {
		return c.request
	}
	return c.Context.Value(key)
}
