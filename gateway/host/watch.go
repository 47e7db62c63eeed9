package host

import (
	"errors"

	"github.com/cgikit/cgikit/gateway"
)

// Watch returns an App that answers as app does, and calls done when a request is over, in its goroutine: what [Handler.Access] is to a
// Handler, for an App that has no backend behind it. Access.Head is always 0 then, and Script empty. A panic of app goes on, and is
// an Err for done.
func Watch(app gateway.App, done func(*Access)) gateway.App {
	return gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		m := newMeter(w, r)
		err := errPanic
		defer func() { done(m.report(err)) }()
		err = app.ServeGateway(m, r)
		return err
	})
}

// errPanic is also what an App leaves that calls runtime.Goexit.
var errPanic = errors.New("host: the App panicked")
