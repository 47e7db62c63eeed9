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

	"github.com/cgikit/cgikit/cmd/internal/load"
)

// Load is a request and where to send it.
type Load struct {
	Network, Addr string // "unix" or "tcp"
	Request       []byte
	Decoder       func() load.Decoder // for each connection

	// Reconnect has each request go over a connection of its own.
	Reconnect bool
}

// patience is how long an answer may take.
const patience = 10 * time.Second

// Run keeps one request under way on each of conns connections until the time is over and those
// under way have ended. It returns how many came within the time, and that time; where none did,
// those that came later and the time until then. It fails if a response takes 10 seconds or is not
// a right one with a body.
func (l Load) Run(conns int, span time.Duration) (done float64, took time.Duration, err error) {
	p := &load.Plan{
		Network: l.Network, Addr: l.Addr, Requests: [][]byte{l.Request}, Decoder: l.Decoder, NoKeep: l.Reconnect,
		Conns: conns, Span: span, Timeout: patience, FailFast: true,
	}
	r, err := p.Run(context.Background())
	if err != nil {
		return 0, 0, err
	}
	if r.Within == 0 {
		return float64(r.OK), r.Took, check(r, l.Reconnect)
	}
	return float64(r.Within), r.Rated, check(r, l.Reconnect)
}

// check returns an error if a response was not right.
func check(r *load.Result, reconnect bool) error {
	switch {
	case len(r.Errors) > 0:
		return fmt.Errorf("a request failed: %s", slices.Sorted(maps.Keys(r.Errors))[0])
	case r.OK == 0:
		return errors.New("no response came")
	case r.Bytes == 0: // Caddy sends a 200 without a body where no site has the request's Host
		return errors.New("the responses have no body")
	case r.Closed > 0 && !reconnect:
		return errors.New("the server closed a kept connection")
	}
	return nil
}
