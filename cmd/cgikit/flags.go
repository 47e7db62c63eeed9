package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// byteSize is a flag for a number of bytes. The suffixes k, M, G and T are powers of 1024.
type byteSize int64

// Set implements pflag.Value.
func (b *byteSize) Set(s string) error {
	digits := strings.TrimRight(s, "kKMGTiB")
	shift, ok := map[string]uint{"": 0, "k": 10, "K": 10, "M": 20, "G": 30, "T": 40}[strings.TrimSuffix(strings.TrimSuffix(s[len(digits):], "B"), "i")]
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || !ok || n > math.MaxInt64>>shift {
		return errors.New("a size is a number of bytes, such as 1000000, or of 64k, 64M, 64G")
	}
	*b = byteSize(n << shift)
	return nil
}

// String implements pflag.Value.
func (b *byteSize) String() string {
	for _, unit := range []struct {
		shift uint
		name  string
	}{{40, "T"}, {30, "G"}, {20, "M"}, {10, "k"}} {
		if n := int64(*b); n != 0 && n%(1<<unit.shift) == 0 {
			return strconv.FormatInt(n>>unit.shift, 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(*b), 10)
}

// Type implements pflag.Value.
func (*byteSize) Type() string { return "size" }

// linkPolicy is a flag that selects the symbolic links to follow.
type linkPolicy exchange.Symlinks

// Set implements pflag.Value.
func (l *linkPolicy) Set(s string) error {
	if (*exchange.Symlinks)(l).UnmarshalText([]byte(s)) != nil {
		return errors.New("want owner, all or none")
	}
	return nil
}

// String implements pflag.Value.
func (l *linkPolicy) String() string { return exchange.Symlinks(*l).String() }

// Type implements pflag.Value.
func (*linkPolicy) Type() string { return "which" }

// stderrPlace is a flag that selects where the error stream of the target goes. Empty means the
// log.
type stderrPlace string

const (
	stderrLog    stderrPlace = "log"
	stderrServer stderrPlace = "server"
)

// Set implements pflag.Value.
func (p *stderrPlace) Set(s string) error {
	if *p = stderrPlace(s); *p != stderrLog && *p != stderrServer {
		return errors.New("want log or server")
	}
	return nil
}

// String implements pflag.Value.
func (p *stderrPlace) String() string { return string(*p) }

// Type implements pflag.Value.
func (*stderrPlace) Type() string { return "where" }

// parseAllow parses the list of peers that may connect: addresses, networks and numeric user ids.
func parseAllow(list []string) (peers []netip.Prefix, uids []int, err error) {
	for _, s := range list {
		if uid, err := strconv.ParseUint(s, 10, 31); err == nil {
			uids = append(uids, int(uid))
			continue
		}
		prefix, err := parsePrefix("--allow", s, "an address, network or user id")
		if err != nil {
			return nil, nil, err
		}
		peers = append(peers, prefix)
	}
	return peers, uids, nil
}

// parsePrefix parses an address or a network of a flag. what lists all that the flag may have.
func parsePrefix(flag, s, what string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	if a, addrErr := netip.ParseAddr(s); addrErr == nil && a.Zone() == "" {
		prefix, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	switch {
	case err != nil:
		return prefix, fmt.Errorf("%s %.64q is not %s", flag, s, what)
	case prefix != prefix.Masked():
		return prefix, fmt.Errorf("%s %.64q has bits beyond its prefix length: write %s for the network, or %s for the address", flag, s, prefix.Masked(), prefix.Addr())
	}
	return prefix, nil
}
