package fastcgi

import (
	"context"

	"github.com/cgikit/cgikit/gateway"
)

// requestContext is the context of a request, by which SetAppStatus finds it.
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

// SetAppStatus sets the application status that the request of ctx, the context of an App or one
// derived from it, will end with (FastCGI section 5.5): what would be the exit status of a CGI
// program. It is 0 otherwise. Web servers do not look at it, some clients do. It reports false
// where the request is not answered by a [Server], and may be called at any time until the App
// returns.
func SetAppStatus(ctx context.Context, status uint32) bool {
	r, ok := ctx.Value(requestKey{}).(*request)
	if ok {
		r.out.appStatus.Store(status)
	}
	return ok
}

// watcher is told when the end of the context is asked for: from then on the connection must be
// read.
type watcher request

// Watch implements gateway.Watcher. The goroutine that reads ends the context.
func (w *watcher) Watch(func()) (stop func()) {
	w.conn.handoff.handOff((*request)(w))
	return nil
}
