package request

import (
	"context"
	"errors"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// patience is how long a peer may be silent before it is asked which protocol it speaks: an HTTP
// server waits for the end of a line, which FastCGI and SCGI requests need not have.
const patience = time.Second

// mostQuestions is how often it is asked, at longer and longer intervals: a machine may be too busy
// to answer at once, and a busy application is not to be asked without an end.
const mostQuestions = 3

// silenceError ends an exchange with an HTTP server that waits for more of a request that is not
// HTTP. Its chain has a cli.Error.
type silenceError struct{ error }

func (e *silenceError) Unwrap() error { return e.error }

// watchSilence returns a context that ends when the peer was silent and turned out to speak HTTP.
// Stop must be called; it waits for the end of the watch.
func (x *exchanger) watchSilence(ctx context.Context) (_ context.Context, stop func()) {
	r := x.request
	if r.Target.Protocol != "fastcgi" && r.Target.Protocol != "scgi" {
		return ctx, func() {}
	}
	watched, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for wait, try := r.patience(), 0; try < mostQuestions; wait, try = 2*wait, try+1 {
			select {
			case <-watched.Done():
				return
			case <-time.After(wait):
			}
			if x.isSilent() && r.Target.SpeaksOnlyHTTP(watched) && x.isSilent() {
				cancel(r.newSilence())
			}
		}
	}()
	return watched, func() {
		cancel(nil)
		<-done
	}
}

// isSilent reports whether there is a connection, and no byte of an answer.
func (x *exchanger) isSilent() bool {
	s := x.tap.snapshot()
	return s.ready && s.bytes == 0
}

// patience is within the time of the whole.
func (r *Request) patience() time.Duration {
	if r.Timeout > 0 {
		return min(patience, (r.Timeout / 3).Round(time.Millisecond))
	}
	return patience
}

func (r *Request) newSilence() error {
	err := errors.New("connected, and no answer came")
	return &silenceError{&cli.Error{Err: err, Hint: r.Target.SpokenHint("http"), Status: StatusNotProtocol}}
}
