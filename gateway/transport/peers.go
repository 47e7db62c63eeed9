package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// checkPeer returns an error if the peer of nc may not connect.
func checkPeer(nc net.Conn, s *Service) error {
	if len(s.AllowedPeers) == 0 && len(s.AllowedUIDs) == 0 {
		return nil
	}
	switch a := nc.RemoteAddr().(type) {
	case *net.TCPAddr:
		return checkIP(a.AddrPort().Addr(), s.AllowedPeers)
	case *net.UnixAddr:
		return checkUID(nc, s.AllowedUIDs)
	}
	return fmt.Errorf("peer on network %q cannot be checked", nc.RemoteAddr().Network())
}

// checkIP compares without zones, because netip.Prefix has none. It unmaps IPv4 addresses on both
// sides, because a dual-stack listener shows IPv4 peers as ::ffff:a.b.c.d.
func checkIP(peer netip.Addr, allowed []netip.Prefix) error {
	ip := peer.WithZone("").Unmap()
	for _, p := range allowed {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.Contains(ip) {
			return nil
		}
	}
	return fmt.Errorf("address %s is not among the allowed peers", peer)
}

func checkUID(nc net.Conn, allowed []int) error {
	if len(allowed) == 0 {
		return errors.New("peer on a unix socket, where only TCP peers are allowed")
	}
	uid, err := peerUID(nc)
	if err != nil {
		return fmt.Errorf("user of the peer on a unix socket is unknown: %w", err)
	}
	if !slices.Contains(allowed, uid) {
		return fmt.Errorf("user id %d is not among the allowed ones", uid)
	}
	return nil
}
