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

// checkListen finds mistakes in the addresses to listen on, and in the address of the status page,
// which may be empty.
func checkListen(addresses []string, metrics string) error {
	if len(addresses) == 0 {
		return cli.Usage(errors.New("serve has no address to listen on"), listenHint)
	}
	places := make(map[string]string) // the address as given, by its normal form
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
	case err != nil && strings.Contains(s, ","):
		return a, cli.Usage(err, "write a separate -l for each address")
	case err != nil:
		return a, cli.Usage(err, listenHint)
	case a.Network == "":
		reason = "is a target, not an address to listen on"
	case a.Protocol == "":
		reason = "names no protocol"
	default:
		return a, nil
	}
	return a, cli.Usage(&listen.AddressError{Input: s, Reason: reason}, listenHint)
}

// claim records that an address is in use. Two protocols can share an address only by auto:.
func claim(places map[string]string, a listen.Address, s string) error {
	place := ""
	switch a.Network {
	case "tcp":
		if a.Port == 0 {
			return nil // the system picks a different port each time
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
			"use different addresses, or one auto: address for all protocols")
	}
	places[place] = s
	return nil
}
