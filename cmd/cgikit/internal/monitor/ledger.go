package monitor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
)

// Ledger counts requests. Its zero value is ready, it is safe for concurrent use, and it must not
// be copied.
type Ledger struct {
	mu      sync.Mutex
	figures Figures
	recent  recent

	answered, failed time.Time // the last complete response of the target, and its last failure
}

// Figures are the counts of a Ledger.
type Figures struct {
	Active int // current requests
	// finished requests by the first digit of the status; 0 counts those without a response
	Classes [classes]uint64
	Bytes   uint64            // of bodies
	Errors  map[string]uint64 // requests without a complete response of the target, by reason
	Failed  uint64            // Errors in which the client did not go away, and complete responses with a status of 5xx
	// requests by duration: above the previous bound and up to this one; the last counts slower
	// ones
	Took    [len(Bounds) + 1]uint64
	Seconds float64 // sum of all durations
	// the same for the time until the first response head of the target, of requests that got one
	Answered        [len(Bounds) + 1]uint64
	AnsweredSeconds float64
}

// classes is the number of first digits of a status, including 0.
const classes = 6

// Bounds are the upper bounds of the latency histogram.
var Bounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute,
}

// Count returns app with a count of its requests in l.
func (l *Ledger) Count(app gateway.App) gateway.App {
	return gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		l.add(1)
		defer l.add(-1)
		return app.ServeGateway(w, r)
	})
}

func (l *Ledger) add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.figures.Active += n
}

// Enter counts a finished request.
func (l *Ledger) Enter(a *gateway.Access) {
	// a bound includes itself
	slot, _ := slices.BinarySearch(Bounds[:], a.Duration)
	reason, class := reasonOf(a), classOf(a.Status)
	if reason == clientGone && (class == 5 || a.Status == 499) {
		class = 0 // the client got nothing
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &l.figures
	f.Classes[class]++
	f.Bytes += uint64(max(a.Bytes, 0))
	f.Took[slot]++
	f.Seconds += a.Duration.Seconds()
	failed := reason != clientGone && (reason != "" || class == 5)
	if failed {
		f.Failed++
	}
	l.recent.add(time.Now(), a.Duration, failed)
	l.watchTarget(a, reason)
	if reason == "" {
		return
	}
	if f.Errors == nil {
		f.Errors = make(map[string]uint64)
	}
	if _, known := f.Errors[reason]; !known && len(f.Errors) >= mostReasons {
		reason = "other"
	}
	f.Errors[reason]++
}

// watchTarget records what the request shows of the target. A file that this process sends has no
// response head of the target.
func (l *Ledger) watchTarget(a *gateway.Access, reason string) {
	end := a.Start.Add(a.Duration)
	switch {
	case a.Head > 0:
		slot, _ := slices.BinarySearch(Bounds[:], a.Head)
		l.figures.Answered[slot]++
		l.figures.AnsweredSeconds += a.Head.Seconds()
		if reason == "" && end.After(l.answered) {
			l.answered = end
		}
	case errors.As(a.Err, new(*gateway.BackendError)) && end.After(l.failed):
		l.failed = end
	}
}

// AnsweredSince reports whether the target gave a complete response after t, and did not fail since
// then.
func (l *Ledger) AnsweredSince(t time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered.After(t) && l.answered.After(l.failed)
}

// recentSteps returns the last n steps, the oldest first. The last one is not complete.
func (l *Ledger) recentSteps(n int) []step {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.recent.last(n, stepNumber(time.Now()))
}

// mostReasons bounds the number of reasons. Those of this module are constants, but an App may
// invent others.
const mostReasons = 64

// Figures returns the current figures.
func (l *Ledger) Figures() Figures {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.figures
	f.Errors = make(map[string]uint64, len(f.Errors))
	for reason, n := range l.figures.Errors {
		f.Errors[reason] = n
	}
	return f
}

// Requests returns the number of finished requests.
func (f *Figures) Requests() (n uint64) {
	for _, c := range f.Classes {
		n += c
	}
	return n
}

const clientGone = "the client went away"

func classOf(status int) int {
	if class := status / 100; class > 0 && class < classes {
		return class
	}
	return 0
}

// reasonOf returns why a request has no complete response of the target, or "". No part of it comes
// from a client. A 404 for an unknown path is a complete response.
func reasonOf(a *gateway.Access) string {
	backend, server := (*gateway.BackendError)(nil), (*gateway.ServerError)(nil)
	request, large := (*gateway.RequestError)(nil), (*gateway.BodyTooLargeError)(nil)
	switch err := a.Err; {
	case err == nil, errors.Is(err, host.ErrNotFound), errors.Is(err, host.ErrNotScript), errors.Is(err, host.ErrFolder):
		return ""
	case errors.As(err, &large):
		return "the request body is too large"
	case errors.As(err, &server): // first, since it may wrap the end of a context
		return server.Reason
	case errors.As(err, new(*gateway.BodyError)):
		return "the request body did not arrive"
	case errors.Is(err, gateway.ErrClientGone), errors.Is(err, context.Canceled):
		return clientGone
	case errors.As(err, &backend): // first, since it may wrap an error of a peer that went away
		return backend.Reason
	case gateway.PeerGone(err):
		return clientGone
	case errors.As(err, &request):
		return "the request is malformed"
	case errors.Is(err, gateway.ErrLengthRequired):
		return "the length of the request body is unknown"
	case a.Status == 404: // outside the mount
		return ""
	case classOf(a.Status) == 4:
		return "the request was refused"
	}
	return "the application failed"
}
