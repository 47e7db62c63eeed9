package launch

import (
	"context"
	"crypto/tls"
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

// servers has one server of each protocol, which serves all listeners of the protocol.
type servers struct {
	http    *httpapp.Server
	fastcgi fastcgiServer
	scgi    *scgi.Server
	muxes   []*listen.Mux // one for each auto listener
	tls     *tls.Config   // for https listeners
	log     *slog.Logger
	failed  chan error // holds one error: the first failure ends Run
}

// fastcgiServer is a fastcgi.Server or a nethttp.Server.
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
			AllowedPeers: c.AllowedPeers, AllowedUIDs: c.AllowedUIDs, TrustedProxies: c.TrustedProxies, TrustUnix: c.TrustUnix,
			UnencryptedHTTP2: c.UnencryptedHTTP2,
			DropRequestID:    c.DropRequestID,
		},
		tls:     c.TLS,
		fastcgi: c.newFastCGI(peers),
		scgi: &scgi.Server{
			App: c.App, ErrorLog: c.Log, MaxBodyBytes: c.MaxBodyBytes, Mount: c.Mount, Refused: c.Refused,
			AllowedPeers: peers, AllowedUIDs: c.AllowedUIDs,
		},
		log:    c.Log,
		failed: make(chan error, 1),
	}, nil
}

// webServers returns the peers that may connect over FastCGI and SCGI.
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
		AllowedPeers: peers, AllowedUIDs: c.AllowedUIDs, Budget: c.Budget,
	}
}

// idleTimeout closes connections that browsers keep open. The other servers have no such timeout,
// since a web server decides itself how many connections it keeps.
const idleTimeout = 3 * time.Minute

// start serves l until its server closes it. It passes the listener of package listen itself,
// without a wrapper, so that the server finds the methods of the listener (Drain) and of its
// connections.
func (s *servers) start(l listener) {
	switch l.protocol {
	case "http":
		s.serve(s.http.Serve, l.Listener)
	case "https":
		s.serve(func(l net.Listener) error { return s.http.ServeTLS(l, s.tls) }, l.Listener)
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
// second ends. Then it aborts them, without waiting for the App, since the process is about to end.
func (s *servers) drain(second context.Context, timeout time.Duration) error {
	ctx := second
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(second, timeout, fmt.Errorf("the timeout of %v is over", timeout))
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

// queueTime is how long an auto listener accepts the connections in its queue, as the servers do
// with their listeners.
const queueTime = 10 * time.Millisecond

// shutdown stops all servers at the same time, so that no server accepts while another drains. The
// auto listeners begin to drain before the servers, since on a busy machine one server may begin
// much later than another.
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
