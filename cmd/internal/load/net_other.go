//go:build !linux

package load

import (
	"context"
	"net"
)

// newSystemNetwork returns a network of package net's connections.
func newSystemNetwork(p *Plan) (network, error) {
	return newNetConns(p.Conns, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, p.Network, p.Addr)
	}), nil
}
