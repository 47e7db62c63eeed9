package fastcgi

import (
	"context"

	"github.com/cgikit/cgikit/gateway"
)

// requestContext is the context of a request. SetAppStatus finds the request by it.
type requestContext struct {
	gateway.RequestContext
	request *request
}

// Value implements context.Context.
func (c *requestContext) Value(key any) any {
	if key == (requestKey{}) {
		return c.request
	}
	return c.RequestContext.Value(key)
}

type requestKey struct{}

// SetAppStatus sets the application status of a request (FastCGI section 5.5): the counterpart of
// the exit status of a CGI program. ctx is the context of the request, or derived from it. The
// default is 0. Web servers ignore the status; some clients read it. SetAppStatus reports false if
// the request is not answered by a [Server]. It may be called until the App returns.
func SetAppStatus(ctx context.Context, status uint32) bool {
	r, ok := ctx.Value(requestKey{}).(*request)
	if ok {
		r.out.appStatus.Store(status)
	}
	return ok
}

// watcher is called when an App asks for the end of its context. From then on the connection must
// be read, so that a disconnect is noticed.
type watcher request

// Watch implements gateway.Watcher. The goroutine that reads the connection ends the context.
func (w *watcher) Watch(func()) (stop func()) {
	w.conn.handoff.handOff((*request)(w))
	return nil
}
