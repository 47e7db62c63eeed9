// Package load has the requests of the benchmarks as their bytes, and sends them by the loader of
// the command, cmd/internal/load: one thread, no memory for a request, and only as much
// understanding of the protocol as finds the end of a response.
package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/cgikit/cgikit/cmd/internal/load"
)

// Load is a request and where to send it.
type Load struct {
	Network, Addr string // "unix" or "tcp"
	Request       []byte
	More          [][]byte            // requests that are under way on the same connection at the same time
	Decoder       func() load.Decoder // for each connection

	// Reconnect has each request go over a connection of its own.
	Reconnect bool

	// Size is how many bytes of body each response must have; 0 is not checked.
	Size int64
}

// patience is how long an answer may take.
const patience = 10 * time.Second

// transferPatience is how long a large response may take.
const transferPatience = time.Minute

// Run keeps one request under way on each of conns connections until the time is over and those
// under way have ended. It returns what counted returns. It fails if a response takes 10 seconds or
// is not a right one with a body.
func (l Load) Run(conns int, span time.Duration) (done float64, took time.Duration, err error) {
	p := &load.Plan{
		Network: l.Network, Addr: l.Addr, Requests: l.requests(), Decoder: l.Decoder, NoKeep: l.Reconnect,
		Conns: conns, Span: span, Timeout: patience, FailFast: true,
	}
	r, err := p.Run(context.Background())
	if err != nil {
		return 0, 0, err
	}
	done, took = counted(r)
	return done, took, l.check(r)
}

func (l Load) requests() [][]byte { return append([][]byte{l.Request}, l.More...) }

// counted returns how many responses came within the time, and that time; where none did, those
// that came later and the time until then.
func counted(r *load.Result) (done float64, took time.Duration) {
	if r.Within == 0 {
		return float64(r.OK), r.Took
	}
	return float64(r.Within), r.Rated
}

// RunAt has so many requests due in each second of the span, and sends each on one of conns
// connections as soon as it is due and one is free. It returns how many responses came, in what
// time, and the times from when their requests were due, in nanoseconds. It fails as Run does. All
// requests are sent: a server that cannot answer as many makes the time longer than the span.
func (l Load) RunAt(rate float64, conns int, span time.Duration) (done float64, took time.Duration, times *hdrhistogram.Histogram, err error) {
	p := &load.Plan{
		Network: l.Network, Addr: l.Addr, Requests: l.requests(), Decoder: l.Decoder, NoKeep: l.Reconnect,
		Conns: conns, Count: int64(max(rate*span.Seconds(), 1)), Warmup: span / 5, Rate: rate, Timeout: patience, FailFast: true,
	}
	r, err := p.Run(context.Background())
	if err != nil {
		return 0, 0, nil, err
	}
	return float64(r.OK), r.Took, r.Latency, l.check(r)
}

// RunOnce sends one request. It returns how many bytes of body came, and the time from the
// connection's beginning to the last of them. It fails as Run does, but a response may take a
// minute.
func (l Load) RunOnce() (size int64, took time.Duration, err error) {
	p := &load.Plan{
		Network: l.Network, Addr: l.Addr, Requests: l.requests(), Decoder: l.Decoder, NoKeep: true,
		Conns: 1, Count: 1, Timeout: transferPatience, FailFast: true,
	}
	r, err := p.Run(context.Background())
	if err != nil {
		return 0, 0, err
	}
	return r.Bytes, r.Took, l.check(r)
}

// check returns an error if a response was not right.
func (l Load) check(r *load.Result) error {
	switch {
	case len(r.Errors) > 0:
		return fmt.Errorf("a request failed: %s", slices.Sorted(maps.Keys(r.Errors))[0])
	case l.Size > 0 && r.Bytes != r.OK*l.Size:
		return fmt.Errorf("got %d bytes in %d responses; want %d in each", r.Bytes, r.OK, l.Size)
	case r.OK == 0:
		return errors.New("no response came")
	case r.Bytes == 0: // Caddy sends a 200 without a body where no site has the request's Host
		return errors.New("the responses have no body")
	case r.Closed > 0 && !l.Reconnect:
		return errors.New("the server closed a kept connection")
	}
	return nil
}
