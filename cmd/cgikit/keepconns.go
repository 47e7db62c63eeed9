package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// keepConns is the value of --keep-conns: the number of FastCGI connections to keep. Zero is auto.
type keepConns struct {
	given bool
	most  int
}

// Set implements pflag.Value.
func (k *keepConns) Set(s string) error {
	if s == "auto" {
		*k = keepConns{}
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return errors.New("want auto, or a number of connections from 0 to 65535")
	}
	*k = keepConns{true, int(n)}
	return nil
}

// String implements pflag.Value.
func (k *keepConns) String() string {
	if !k.given {
		return "auto"
	}
	return strconv.Itoa(k.most)
}

// Type implements pflag.Value.
func (*keepConns) Type() string { return "number" }

const (
	// autoKept is the number of connections to keep to an application that multiplexes. Idle ones
	// are closed after --keep-idle.
	autoKept = 256

	// valuesTimeout bounds the wait for the answer to FCGI_GET_VALUES.
	valuesTimeout = time.Second
)

// fastCGITarget is the client of a FastCGI application.
type fastCGITarget struct {
	gateway.Backend
	client *fastcgi.Client
}

// autoKeep is the Backend of --keep-conns auto. Before the first request it sends FCGI_GET_VALUES
// once, to find out whether the application multiplexes. Such an application does not bind a worker
// to a connection, so connections to it are kept. After any other answer, or none, no connection is
// kept.
type autoKeep struct {
	open   func(kept int) fastCGITarget
	target atomic.Pointer[fastCGITarget]
	asking sync.Mutex
	asked  atomic.Bool
}

func newAutoKeep(open func(kept int) fastCGITarget) *autoKeep {
	k := &autoKeep{open: open}
	k.use(0)
	return k
}

func (k *autoKeep) use(kept int) {
	target := k.open(kept)
	k.target.Store(&target)
}

// RoundTrip implements gateway.Backend. While one request waits for FCGI_GET_VALUES, other requests
// go on.
func (k *autoKeep) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	if !k.asked.Load() && k.asking.TryLock() {
		k.probe(r.Context())
		k.asking.Unlock()
	}
	return k.target.Load().RoundTrip(r)
}

// probe sends FCGI_GET_VALUES and decides. If it cannot connect, or ctx has ended, the next request
// probes again.
func (k *autoKeep) probe(ctx context.Context) {
	if k.asked.Load() {
		return
	}
	short, cancel := context.WithTimeout(ctx, valuesTimeout)
	defer cancel()
	client := k.client()
	before := client.Stats().Dialed
	values, err := client.Values(short, "FCGI_MPXS_CONNS")
	if err != nil && (ctx.Err() != nil || client.Stats().Dialed == before) {
		return
	}
	if values["FCGI_MPXS_CONNS"] == "1" {
		k.use(autoKept)
	}
	k.asked.Store(true)
}

func (k *autoKeep) client() *fastcgi.Client { return k.target.Load().client }
