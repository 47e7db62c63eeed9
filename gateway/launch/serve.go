package launch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/transport"
	"github.com/cgikit/cgikit/scgi"
)

// servers is one server of each protocol, for all listeners.
type servers struct {
	http    *httpapp.Server
	fastcgi fastcgiServer
	scgi    *scgi.Server
	muxes   []*listen.Mux // of the auto listeners
	log     *slog.Logger
	failed  chan error // has room for one: the first failure ends everything
}

// fastcgiServer is either engine's.
type fastcgiServer interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	Close() error
	Stats() transport.Stats
}

func (c Config) newServers() (*servers, error) {
	peers, err := c.webServers()
	if err != nil {
		return nil, fmt.Errorf("launch: %w", err)
	}
	return &servers{
		http: &httpapp.Server{
			App: c.App, ErrorLog: c.Log, MaxBodyBytes: c.MaxBodyBytes, Mount: c.Mount, IdleTimeout: idleTimeout, Refused: c.Refused,
			AllowedPeers: c.AllowedPeers, AllowedUIDs: c.AllowedUIDs,
		},
		fastcgi: c.newFastCGI(peers),
		scgi: &scgi.Server{
			App: c.App, ErrorLog: c.Log, MaxBodyBytes: c.MaxBodyBytes, Mount: c.Mount, Refused: c.Refused,
			AllowedPeers: peers, AllowedUIDs: c.AllowedUIDs,
		},
		log:    c.Log,
		failed: make(chan error, 1),
	}, nil
}

// webServers are the peers that may speak FastCGI and SCGI.
func (c Config) webServers() ([]netip.Prefix, error) {
	if len(c.AllowedPeers)+len(c.AllowedUIDs) > 0 {
		return c.AllowedPeers, nil
	}
	return fastcgi.WebServerAddrs()
}

func (c Config) newFastCGI(peers []netip.Prefix) fastcgiServer {
	if c.StdFastCGI {
		return &nethttp.Server{
			App: c.App, ErrorLog: c.Log, MaxBodyBytes: c.MaxBodyBytes, Mount: c.Mount, Refused: c.Refused,
			AllowedPeers: peers, AllowedUIDs: c.AllowedUIDs,
		}
	}
	return &fastcgi.Server{
		App: c.App, ErrorLog: c.Log, MaxBodyBytes: c.MaxBodyBytes, Mount: c.Mount, Refused: c.Refused,
		AllowedPeers: peers, AllowedUIDs: c.AllowedUIDs,
	}
}

// idleTimeout ends what browsers keep open. Web servers know best how many connections they keep.
const idleTimeout = 3 * time.Minute

// start serves l, whose server closes it. The server is given the listener of package listen
// itself, not one that wraps it: the methods that drain it and those of its connections must be
// found.
func (s *servers) start(l listener) {
	switch l.protocol {
	case "http":
		s.serve(s.http.Serve, l.Listener)
	case "fastcgi":
		s.serve(s.fastcgi.Serve, l.Listener)
	case "scgi":
		s.serve(s.scgi.Serve, l.Listener)
	default:
		m := listen.Split(l.Listener, 0, s.log)
		s.muxes = append(s.muxes, m)
		s.serve(s.http.Serve, m.HTTP)
		s.serve(s.fastcgi.Serve, m.FastCGI)
		s.serve(s.scgi.Serve, m.SCGI)
	}
}

func (s *servers) serve(serve func(net.Listener) error, l net.Listener) {
	go func() {
		err := serve(l)
		if errors.Is(err, gateway.ErrServerClosed) {
			return
		}
		select {
		case s.failed <- fmt.Errorf("launch: %s: %w", l.Addr(), err):
		default:
		}
	}()
}

// drain closes the listeners and waits for the requests under way, until the timeout or until
// insisted ends. Then it breaks them off, without waiting for the App: the process is about to end.
func (s *servers) drain(insisted context.Context, timeout time.Duration) error {
	ctx := insisted
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(insisted, timeout, fmt.Errorf("the time for it, %v, is over", timeout))
		defer cancel()
	}
	err := s.shutdown(ctx)
	if err != nil && ctx.Err() != nil {
		s.close()
		return fmt.Errorf("launch: cut off requests under way: %w", context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("launch: closing the listeners: %w", err)
	}
	return nil
}

// queueTime is how long an auto listener goes on to accept what waits in its queue, as the servers
// do with theirs.
const queueTime = 10 * time.Millisecond

// shutdown stops all servers at the same time: none may accept while another drains. An auto
// listener begins to drain before them, as on a busy machine one server may begin much later than
// another.
func (s *servers) shutdown(ctx context.Context) error {
	for _, m := range s.muxes {
		m.Drain(time.Now().Add(queueTime))
	}
	stops := []func(context.Context) error{s.http.Shutdown, s.fastcgi.Shutdown, s.scgi.Shutdown}
	results := make(chan error, len(stops))
	for _, stop := range stops {
		go func() { results <- stop(ctx) }()
	}
	var errs []error
	for range stops {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

func (s *servers) close() {
	s.http.Close()
	s.fastcgi.Close()
	s.scgi.Close()
}
