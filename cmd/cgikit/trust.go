package main

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/launch"
	"github.com/cgikit/cgikit/gateway/listen"
)

const trustHint = "such as --trust 10.0.0.0/8, --trust 127.0.0.1, or --trust unix for all peers on unix sockets"

// trustOptions are the flags about what a web server in front says of its client over HTTP.
type trustOptions struct {
	peers     []string
	requestID bool
}

func (o *trustOptions) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.peers, "trust", nil, "`proxy` whose X-Forwarded-For, -Proto, -Host and -Port, or Forwarded, describe its client over HTTP: an address, a network, or unix; may be given several times")
	f.BoolVar(&o.requestID, "request-id", false, "give each request an id: X-Request-ID, from a peer of --trust or a FastCGI or SCGI web server, or else a random one")
}

// set checks the flags and sets them in c.
func (o *trustOptions) set(c *launch.Config) error {
	c.DropRequestID = o.requestID
	if len(o.peers) > 0 && !hasHTTP(c.Listen) {
		return cli.Usage(errors.New("--trust has no effect without an HTTP listener"),
			"over FastCGI and SCGI the web server sends the client's address; remove the flag, or listen on http: or auto:")
	}
	for _, s := range o.peers {
		if s == "unix" {
			c.TrustUnix = true
			continue
		}
		prefix, err := parsePrefix("--trust", s, "an address, a network or unix")
		if err != nil {
			return cli.Usage(err, trustHint)
		}
		c.TrustedProxies = append(c.TrustedProxies, prefix)
	}
	return nil
}

// hasHTTP reports whether one of the addresses, which have been checked, serves HTTP.
func hasHTTP(addresses []string) bool {
	for _, s := range addresses {
		if a, err := listen.Parse(s); err == nil && (a.Protocol == "http" || a.Protocol == "https" || a.Protocol == "auto") {
			return true
		}
	}
	return false
}
