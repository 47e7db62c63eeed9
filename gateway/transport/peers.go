package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/cgikit/cgikit/gateway/listen"
)

// checkPeer returns an error if the peer of nc may not connect.
func checkPeer(nc net.Conn, s *Service) error {
	p, isProxied := nc.(*listen.ProxyConn)
	if isProxied {
		nc = p.Conn
	}
	if len(s.AllowedPeers) == 0 && len(s.AllowedUIDs) == 0 {
		return checkAnyPeer(nc, isProxied)
	}
	switch a := nc.RemoteAddr().(type) {
	case *net.TCPAddr:
		return checkIP(a.AddrPort().Addr(), s.AllowedPeers)
	case *net.UnixAddr:
		return checkUID(nc, s.AllowedUIDs)
	}
	return fmt.Errorf("peer on network %q cannot be checked", nc.RemoteAddr().Network())
}

// checkAnyPeer checks a peer where no peers are listed. Every peer may connect, except that a TCP
// peer with a PROXY protocol header must be on this machine, since it decides which address its
// client has.
func checkAnyPeer(nc net.Conn, isProxied bool) error {
	a, isTCP := nc.RemoteAddr().(*net.TCPAddr)
	if isProxied && isTCP && !a.AddrPort().Addr().Unmap().IsLoopback() {
		return fmt.Errorf("address %s is not a loopback address, and no peers are allowed to send PROXY protocol headers", a.IP)
	}
	return nil
}

// checkIP compares without zones, because netip.Prefix has none. It unmaps IPv4 addresses on both
// sides, because a dual-stack listener shows IPv4 peers as ::ffff:a.b.c.d.
func checkIP(peer netip.Addr, allowed []netip.Prefix) error {
	if Contains(allowed, peer) {
		return nil
	}
	return fmt.Errorf("address %s is not among the allowed peers", peer)
}

// Contains reports whether one of the prefixes contains ip, in the way of Service.AllowedPeers: an
// IPv4 address that is mapped to IPv6 is an IPv4 address, and zones are not compared.
func Contains(prefixes []netip.Prefix, ip netip.Addr) bool {
	ip = ip.WithZone("").Unmap()
	for _, p := range prefixes {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.Contains(ip) {
			return true
		}
	}
	return false
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
