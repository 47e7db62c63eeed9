package request

import (
	"context"
	"fmt"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// patience is how long a peer may be silent before it is asked which protocol it speaks: an HTTP
// server waits for the end of a line, which FastCGI and SCGI requests need not have.
const patience = time.Second

// silenceError ends an exchange with an HTTP server that waits for more of a request that is not
// HTTP. Its chain has a cli.Error.
type silenceError struct{ error }

func (e *silenceError) Unwrap() error { return e.error }

// watchSilence returns a context that ends when the peer was silent and turned out to speak HTTP.
// Stop must be called; it waits for the end of the watch. A listener that speaks several protocols
// is not ended: Identify asks for FastCGI and for the target's own protocol first.
func (x *exchanger) watchSilence(ctx context.Context) (_ context.Context, stop func()) {
	r := x.request
	if r.Target.Protocol != "fastcgi" && r.Target.Protocol != "scgi" {
		return ctx, func() {}
	}
	watched, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-watched.Done():
			return
		case <-time.After(r.patience()):
		}
		if s := x.tap.snapshot(); s.ready && s.bytes == 0 && r.Target.Identify(watched) == "http" && x.tap.snapshot().bytes == 0 {
			cancel(r.newSilence())
		}
	}()
	return watched, func() {
		cancel(nil)
		<-done
	}
}

// patience is within the time of the whole.
func (r *Request) patience() time.Duration {
	if r.Timeout > 0 {
		return min(patience, (r.Timeout / 3).Round(time.Millisecond))
	}
	return patience
}

func (r *Request) newSilence() error {
	err := fmt.Errorf("connected, and no answer came within %v", r.patience())
	return &silenceError{&cli.Error{Err: err, Hint: r.Target.SpokenHint("http"), Status: StatusNotProtocol}}
}
