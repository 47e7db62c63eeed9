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

// keepConns is the value of --keep-conns: how many connections to a FastCGI application are kept.
// Zero is auto.
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
		return errors.New("it is auto, or a number of connections: 0 to 65535")
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
	// autoKept is how many connections are kept to an application that multiplexes. Those that
	// are not used end soon.
	autoKept = 256

	// valuesTimeout bounds the wait for the application to say whether it multiplexes.
	valuesTimeout = time.Second
)

// fastCGITarget is a FastCGI application and the client that calls it.
type fastCGITarget struct {
	gateway.Backend
	client *fastcgi.Client
}

// autoKeep is the Backend of --keep-conns auto. It asks the application once, before the first
// request that reaches it, whether it answers several requests at the same time over one
// connection. Such an application binds no worker to a connection, so connections to it are kept.
// Any other answer, and none, means that no connection is kept.
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

// RoundTrip implements gateway.Backend. While one request asks, others do not wait for the answer.
func (k *autoKeep) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	if !k.asked.Load() && k.asking.TryLock() {
		k.ask(r.Context())
		k.asking.Unlock()
	}
	return k.target.Load().RoundTrip(r)
}

// ask decides, unless the application was not reached or ctx has ended: then the next request asks
// again.
func (k *autoKeep) ask(ctx context.Context) {
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
