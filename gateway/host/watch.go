package host

import (
	"errors"
	"time"

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

// Refused returns a hook for a server, such as httpapp.Server.Refused, by which done is called for the requests too that the server
// answers itself. No Handler and no Watch sees those. A Handler that is an http.Handler calls Access for those that it refuses.
func Refused(done func(*Access)) func(*gateway.Refusal) {
	return func(f *gateway.Refusal) {
		done(&Access{Request: f.Request, Status: f.Status, Bytes: f.Bytes, Start: time.Now(), Err: f.Err})
	}
}

// errPanic is also what an App leaves that calls runtime.Goexit.
var errPanic = errors.New("host: the App panicked")
