package gateway

import (
	"errors"
	"time"
)

// Watch returns an App that answers as app does, and calls done when a request is over, in its
// goroutine: for an access log and for metrics. Access.Head is 0 and Script empty, unless app is
// one that fills them in, as a host.Handler with a hook of its own does. A panic of app goes on,
// and is an Err for done.
func Watch(app App, done func(*Access)) App {
	return AppFunc(func(w ResponseWriter, r *Request) error {
		m := NewMeter(w, r)
		err := errWatchedPanic
		defer func() { done(m.Report(err)) }()
		err = app.ServeGateway(m, r)
		return err
	})
}

// WatchRefusals returns a hook for a server, such as httpapp.Server.Refused, by which done is
// called for the requests too that the server answers itself, which no App sees.
func WatchRefusals(done func(*Access)) func(*Refusal) {
	return func(f *Refusal) {
		done(&Access{Request: f.Request, Status: f.Status, Bytes: f.Bytes, Start: time.Now(), Err: f.Err})
	}
}

// errWatchedPanic is also what an App leaves that calls runtime.Goexit.
var errWatchedPanic = errors.New("gateway: the App panicked")
