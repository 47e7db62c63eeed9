package fastcgi

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
)

const webServersVariable = "FCGI_WEB_SERVER_ADDRS"

// WebServerAddrs returns the addresses from which an application may accept connections, for
// AllowedPeers: the list in the environment variable FCGI_WEB_SERVER_ADDRS (FastCGI section 3.2).
// IPv6 addresses are allowed too. It returns nil if the variable is not set. A malformed list, and
// an empty one, is an error: the program must not serve the peers that the list was meant to
// exclude.
func WebServerAddrs() ([]netip.Prefix, error) {
	list, set := os.LookupEnv(webServersVariable)
	if !set {
		return nil, nil
	}
	var peers []netip.Prefix
	for s := range strings.SplitSeq(list, ",") {
		ip, err := netip.ParseAddr(s)
		if err != nil || ip.Zone() != "" {
			return nil, fmt.Errorf("fastcgi: %s contains %.100q, which is not an IP address", webServersVariable, s)
		}
		peers = append(peers, netip.PrefixFrom(ip, ip.BitLen()))
	}
	return peers, nil
}
