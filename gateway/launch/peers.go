package launch

import (
	"fmt"
	"net/netip"
	"strings"
)

// webServersVariable lists the addresses from which a FastCGI program is to accept connections (FastCGI section 3.2).
const webServersVariable = "FCGI_WEB_SERVER_ADDRS"

// webServers reads the list. What cannot be read must not be served without.
func webServers(list string) ([]netip.Prefix, error) {
	var peers []netip.Prefix
	for s := range strings.SplitSeq(list, ",") {
		ip, err := netip.ParseAddr(s)
		if err != nil || ip.Zone() != "" {
			return nil, fmt.Errorf("launch: %s holds %.100q, which is no IP address", webServersVariable, s)
		}
		peers = append(peers, netip.PrefixFrom(ip, ip.BitLen()))
	}
	return peers, nil
}
