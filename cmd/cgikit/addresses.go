package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/listen"
)

const listenHint = "such as -l http://127.0.0.1:8080, -l fastcgi+unix:/run/app.sock, -l scgi://127.0.0.1:4000 or -l auto://127.0.0.1:9000"

// checkListen finds mistakes in the addresses to listen on, and in that of the status page, which
// may be empty.
func checkListen(addresses []string, metrics string) error {
	if len(addresses) == 0 {
		return cli.Usage(errors.New("serve has no address to listen on"), listenHint)
	}
	places := make(map[string]string) // the address that was given for each place
	for _, s := range addresses {
		a, err := parseListen(s)
		if err != nil {
			return err
		}
		if err := claim(places, a, s); err != nil {
			return err
		}
	}
	if metrics == "" {
		return nil
	}
	a, err := parseMetrics(metrics)
	if err != nil {
		return err
	}
	return claim(places, a, metrics)
}

func parseListen(s string) (listen.Address, error) {
	a, err := listen.Parse(s)
	reason := ""
	switch {
	case strings.HasPrefix(s, "https:"):
		return a, cli.Usage(err, "TLS belongs to the web server in front: let that have the certificate, and listen here with -l http: or -l fastcgi:")
	case err != nil && strings.Contains(s, ","):
		return a, cli.Usage(err, "give each address its own -l")
	case err != nil:
		return a, cli.Usage(err, listenHint)
	case a.Network == "":
		reason = "is a target, and nothing to listen on"
	case a.Protocol == "":
		reason = "does not say which protocol is spoken there"
	default:
		return a, nil
	}
	return a, cli.Usage(&listen.AddressError{Input: s, Reason: reason}, listenHint)
}

// claim notes that an address is taken. Protocols cannot share one: that is what auto: is for.
func claim(places map[string]string, a listen.Address, s string) error {
	place := ""
	switch a.Network {
	case "tcp":
		if a.Port == 0 {
			return nil // the system finds another each time
		}
		place = net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port)))
	case "unix":
		place = "unix:" + a.Path
	case "fd":
		place = "fd:" + strconv.Itoa(a.FD)
	case "systemd":
		place = "systemd:" + a.Name
	}
	if before, taken := places[place]; taken {
		return cli.Usage(fmt.Errorf("%.100q and %.100q are the same address", before, s),
			"give each its own, or write auto: before one to speak all protocols there")
	}
	places[place] = s
	return nil
}
