package fastcgi

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
)

const webServersVariable = "FCGI_WEB_SERVER_ADDRS"

// WebServerAddrs returns the addresses from which an application is to accept connections: the list
// of the process's variable FCGI_WEB_SERVER_ADDRS (FastCGI section 3.2), for AllowedPeers. IPv6
// addresses are taken too. It is nil where the variable is not set. A list that cannot be read, an
// empty one among them, is an error: what it was to keep out must not be served.
func WebServerAddrs() ([]netip.Prefix, error) {
	list, set := os.LookupEnv(webServersVariable)
	if !set {
		return nil, nil
	}
	var peers []netip.Prefix
	for s := range strings.SplitSeq(list, ",") {
		ip, err := netip.ParseAddr(s)
		if err != nil || ip.Zone() != "" {
			return nil, fmt.Errorf("fastcgi: %s holds %.100q, which is no IP address", webServersVariable, s)
		}
		peers = append(peers, netip.PrefixFrom(ip, ip.BitLen()))
	}
	return peers, nil
}
