package listen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Sizes of a header of the PROXY protocol, in bytes. Section 2.1 of its specification bounds a
// header of version 1. Version 2 allows 65,551; section 2 recommends the 536 that fit every TCP
// segment, which has room for the addresses of a unix socket and about 300 bytes of extensions.
const (
	maxProxyV1     = 107
	proxyV2Prefix  = 16
	maxProxyHeader = 536
)

const (
	proxyV1Signature = "PROXY "
	proxyV2Signature = "\r\n\r\n\x00\r\nQUIT\n"
)

// proxyHeader is a header of the PROXY protocol, version 1 or 2. The zero value is one that
// announces no address: LOCAL, UNKNOWN or UNSPEC.
type proxyHeader struct {
	source, destination netip.AddrPort // not valid if the header has no IP addresses
	unix                bool           // the client connected to a unix socket of the sender
}

// Reasons why a connection has no valid header.
var (
	errNoProxyHeader  = errors.New("the connection does not begin with a PROXY protocol header")
	errProxyV1Long    = fmt.Errorf("PROXY protocol version 1: no end of the line within %d bytes", maxProxyV1)
	errProxyV1Words   = errors.New("PROXY protocol version 1: the line does not have the form PROXY TCP4|TCP6 SOURCE DESTINATION PORT PORT")
	errProxyV1Address = errors.New("PROXY protocol version 1: an address or a port is not valid")
	errProxyV2Short   = errors.New("PROXY protocol version 2: the length is too small for the addresses")
)

// decodeProxyHeader decodes the header at the beginning of p. size is the number of its bytes, or 0
// if p is the beginning of a header and ends before it does. An error is returned as soon as p
// cannot become a valid header, so that at most maxProxyHeader bytes are ever needed.
func decodeProxyHeader(p []byte) (h proxyHeader, size int, err error) {
	switch {
	case hasPrefixOf(p, proxyV1Signature):
		return decodeProxyV1(p)
	case hasPrefixOf(p, proxyV2Signature):
		return decodeProxyV2(p)
	}
	return h, 0, errNoProxyHeader
}

// hasPrefixOf reports whether p and signature are equal as far as the shorter one goes.
func hasPrefixOf(p []byte, signature string) bool {
	n := min(len(p), len(signature))
	return string(p[:n]) == signature[:n]
}

// decodeProxyV1 decodes a line of text (section 2.1).
func decodeProxyV1(p []byte) (h proxyHeader, size int, err error) {
	end := bytes.IndexByte(p[:min(len(p), maxProxyV1)], '\n')
	switch {
	case end < 0 && len(p) >= maxProxyV1:
		return h, 0, errProxyV1Long
	case end < 0:
		return h, 0, nil
	case p[end-1] != '\r':
		return h, 0, errProxyV1Words
	}
	h, err = parseProxyV1(string(p[len(proxyV1Signature) : end-1]))
	if err != nil {
		return proxyHeader{}, 0, err
	}
	return h, end + 1, nil
}

// parseProxyV1 parses the line without its first word and its end. Text after UNKNOWN has no
// meaning.
func parseProxyV1(line string) (h proxyHeader, err error) {
	words := strings.Split(line, " ")
	if words[0] == "UNKNOWN" {
		return h, nil
	}
	if len(words) != 5 || words[0] != "TCP4" && words[0] != "TCP6" {
		return h, errProxyV1Words
	}
	is4 := words[0] == "TCP4"
	var sourceOK, destinationOK bool
	h.source, sourceOK = parseProxyAddress(words[1], words[3], is4)
	h.destination, destinationOK = parseProxyAddress(words[2], words[4], is4)
	if !sourceOK || !destinationOK {
		return proxyHeader{}, errProxyV1Address
	}
	return h, nil
}

// parseProxyAddress parses an address and a port of version 1. It refuses leading zeros, as the
// specification does.
func parseProxyAddress(address, port string, is4 bool) (netip.AddrPort, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Is4() != is4 || ip.Zone() != "" {
		return netip.AddrPort{}, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(ip, uint16(n)), true
}

// Bytes of the two addresses and ports in version 2 (section 2.2).
const (
	proxyV2IPv4 = 12
	proxyV2IPv6 = 36
	proxyV2Unix = 216
)

// decodeProxyV2 decodes the binary form (section 2.2). It skips the extensions (TLVs) after the
// addresses.
func decodeProxyV2(p []byte) (h proxyHeader, size int, err error) {
	if len(p) < proxyV2Prefix {
		return h, 0, nil
	}
	size = proxyV2Prefix + int(binary.BigEndian.Uint16(p[14:]))
	if size > maxProxyHeader {
		return h, 0, fmt.Errorf("PROXY protocol version 2: a header of %d bytes, limit %d", size, maxProxyHeader)
	}
	command, family := p[12], p[13]
	const local, proxy = 0x20, 0x21 // the upper four bits are the version
	switch {
	case command != local && command != proxy:
		return h, 0, fmt.Errorf("PROXY protocol version 2: unknown version and command 0x%02x", command)
	case command == proxy:
		if err := checkProxyV2(family, size-proxyV2Prefix); err != nil {
			return h, 0, err
		}
	}
	if len(p) < size {
		return h, 0, nil
	}
	if command == proxy {
		h = decodeProxyAddresses(family, p[proxyV2Prefix:size])
	}
	return h, size, nil
}

// checkProxyV2 checks the byte of the address family and the transport, and that the addresses fit
// the length. A client may have used UDP (0x?2), as with HTTP/3.
func checkProxyV2(family byte, length int) error {
	need := 0
	switch family {
	case 0x00:
	case 0x11, 0x12:
		need = proxyV2IPv4
	case 0x21, 0x22:
		need = proxyV2IPv6
	case 0x31, 0x32:
		need = proxyV2Unix
	default:
		return fmt.Errorf("PROXY protocol version 2: unknown address family and transport 0x%02x", family)
	}
	if length < need {
		return errProxyV2Short
	}
	return nil
}

// decodeProxyAddresses decodes the addresses of a family that checkProxyV2 has checked.
func decodeProxyAddresses(family byte, p []byte) (h proxyHeader) {
	size := 0 // of an address
	switch family >> 4 {
	case 1:
		size = 4
	case 2:
		size = 16
	case 3:
		h.unix = true
		return h
	default:
		return h
	}
	source, _ := netip.AddrFromSlice(p[:size])
	destination, _ := netip.AddrFromSlice(p[size : 2*size])
	h.source = netip.AddrPortFrom(source, binary.BigEndian.Uint16(p[2*size:]))
	h.destination = netip.AddrPortFrom(destination, binary.BigEndian.Uint16(p[2*size+2:]))
	return h
}
