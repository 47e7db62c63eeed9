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

	// Size is how many bytes of body each response must have; 0 is not checked.
	Size int64
}

// patience is how long an answer may take.
const patience = 10 * time.Second

// transferPatience is how long a large response may take.
const transferPatience = time.Minute

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
		return float64(r.OK), r.Took, l.check(r)
	}
	return float64(r.Within), r.Rated, l.check(r)
}

// RunOnce sends one request. It returns how many bytes of body came, and the time from the
// connection's beginning to the last of them. It fails as Run does, but a response may take a
// minute.
func (l Load) RunOnce() (size int64, took time.Duration, err error) {
	p := &load.Plan{
		Network: l.Network, Addr: l.Addr, Requests: [][]byte{l.Request}, Decoder: l.Decoder, NoKeep: true,
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
