package gateway

import (
	"errors"
	"time"
)

// Watch returns an App that calls app, and then done in the same goroutine, for an access log or
// for metrics. Access.Head is 0 and Script is empty; a host.Handler with a hook reports them. If
// app panics, Watch calls done with an Err and does not recover the panic.
func Watch(app App, done func(*Access)) App {
	return AppFunc(func(w ResponseWriter, r *Request) error {
		m := NewMeter(w, r)
		err := errWatchedPanic
		defer func() { done(m.Report(err)) }()
		err = app.ServeGateway(m, r)
		return err
	})
}

// WatchRefusals returns a hook for the Refused field of a server, such as httpapp.Server. It calls
// done for each request that the server answers without an App.
func WatchRefusals(done func(*Access)) func(*Refusal) {
	return func(f *Refusal) {
		done(&Access{Request: f.Request, Status: f.Status, Bytes: f.Bytes, Start: time.Now(), Err: f.Err})
	}
}

// errWatchedPanic is also the error of an App that calls runtime.Goexit.
var errWatchedPanic = errors.New("gateway: the App panicked")
