package listen

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// v2 returns a header of version 2, whose length is that of addresses.
func v2(command, family byte, addresses string) string {
	p := append([]byte(proxyV2Signature), command, family)
	return string(binary.BigEndian.AppendUint16(p, uint16(len(addresses)))) + addresses
}

func announced(source, destination string) proxyHeader {
	return proxyHeader{source: netip.MustParseAddrPort(source), destination: netip.MustParseAddrPort(destination)}
}

const (
	v2IPv4 = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"
	v2IPv6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\xdc\x04\x01\xbb"
)

// proxyHeaders has valid headers of the PROXY protocol.
var proxyHeaders = []struct {
	name, in string
	want     proxyHeader
}{
	{"TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", announced("192.0.2.1:56324", "198.51.100.2:443")},
	{"TCP4, the longest", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", announced("255.255.255.255:65535", "255.255.255.255:65535")},
	{"TCP4, port 0", "PROXY TCP4 192.0.2.1 198.51.100.2 0 0\r\n", announced("192.0.2.1:0", "198.51.100.2:0")},
	{"TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", announced("[2001:db8::1]:56324", "[2001:db8::2]:443")},
	{"TCP6, the longest", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		announced("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")},
	{"TCP6 with an IPv4 address", "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", announced("[::ffff:192.0.2.1]:1", "[::1]:2")},
	{"UNKNOWN", "PROXY UNKNOWN\r\n", proxyHeader{}},
	{"UNKNOWN with addresses", "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", proxyHeader{}},
	{"UNKNOWN, the longest", "PROXY UNKNOWN " + strings.Repeat("x", 91) + "\r\n", proxyHeader{}},
	{"v2 LOCAL", v2(0x20, 0x00, ""), proxyHeader{}},
	{"v2 LOCAL with addresses", v2(0x20, 0x11, v2IPv4), proxyHeader{}},
	{"v2 LOCAL of an unknown family", v2(0x20, 0xff, "abc"), proxyHeader{}},
	{"v2 UNSPEC", v2(0x21, 0x00, ""), proxyHeader{}},
	{"v2 UNSPEC with more", v2(0x21, 0x00, "anything"), proxyHeader{}},
	{"v2 TCP4", v2(0x21, 0x11, v2IPv4), announced("192.0.2.1:56324", "198.51.100.2:443")},
	{"v2 UDP4", v2(0x21, 0x12, v2IPv4), announced("192.0.2.1:56324", "198.51.100.2:443")},
	{"v2 TCP4 with extensions", v2(0x21, 0x11, v2IPv4+"\x01\x00\x02h2\x04\x00\x01\x00"), announced("192.0.2.1:56324", "198.51.100.2:443")},
	{"v2 TCP6", v2(0x21, 0x21, v2IPv6), announced("[2001:db8::1]:56324", "[2001:db8::2]:443")},
	{"v2 UDP6", v2(0x21, 0x22, v2IPv6), announced("[2001:db8::1]:56324", "[2001:db8::2]:443")},
	{"v2 unix", v2(0x21, 0x31, strings.Repeat("\x00", 216)), proxyHeader{unix: true}},
	{"v2 unix datagrams", v2(0x21, 0x32, strings.Repeat("/", 216)), proxyHeader{unix: true}},
	{"v2, the longest", v2(0x21, 0x11, v2IPv4+strings.Repeat("x", maxProxyHeader-16-12)), announced("192.0.2.1:56324", "198.51.100.2:443")},
}

// TestDecodeProxyHeader cuts each header at every length: an incomplete one must not be an error,
// and what follows a header must not be part of it.
func TestDecodeProxyHeader(t *testing.T) {
	for _, tt := range proxyHeaders {
		t.Run(tt.name, func(t *testing.T) {
			for n := range len(tt.in) {
				if h, size, err := decodeProxyHeader([]byte(tt.in[:n])); h != (proxyHeader{}) || size != 0 || err != nil {
					t.Fatalf("of %d bytes: got %+v, %d, %v; want an incomplete header", n, h, size, err)
				}
			}
			for _, rest := range []string{"", "GET / HTTP/1.1\r\n", "PROXY UNKNOWN\r\n", "\x00"} {
				h, size, err := decodeProxyHeader([]byte(tt.in + rest))
				if h != tt.want || size != len(tt.in) || err != nil {
					t.Errorf("before %q: got %+v, %d, %v; want %+v, %d", rest, h, size, err, tt.want, len(tt.in))
				}
			}
		})
	}
}

// badProxyHeaders has what is no header. at is the number of bytes that suffice to see it.
var badProxyHeaders = []struct {
	name, in string
	at       int
	want     string
}{
	{"HTTP", "GET / HTTP/1.1\r\n", 1, "does not begin with a PROXY"},
	{"HTTP that begins with P", "POST / HTTP/1.1\r\n", 2, "does not begin with a PROXY"},
	{"FastCGI", "\x01\x01", 1, "does not begin with a PROXY"},
	{"another word", "PROXYTCP4", 6, "does not begin with a PROXY"},
	{"small letters", "proxy UNKNOWN\r\n", 1, "does not begin with a PROXY"},
	{"TCP5", "PROXY TCP5 192.0.2.1 192.0.2.1 1 1\r\n", 36, "does not have the form"},
	{"nothing", "PROXY \r\n", 8, "does not have the form"},
	{"no CR", "PROXY UNKNOWN\n", 14, "does not have the form"},
	{"line end at once", "PROXY \n", 7, "does not have the form"},
	{"two spaces", "PROXY  TCP4 192.0.2.1 192.0.2.1 1 1\r\n", 37, "does not have the form"},
	{"space at the end", "PROXY TCP4 192.0.2.1 192.0.2.1 1 1 \r\n", 37, "does not have the form"},
	{"a word too few", "PROXY TCP4 192.0.2.1 192.0.2.1 1\r\n", 34, "does not have the form"},
	{"families mixed", "PROXY TCP4 192.0.2.1 ::1 1 1\r\n", 30, "is not valid"},
	{"IPv6 in TCP4", "PROXY TCP4 ::1 ::1 1 1\r\n", 24, "is not valid"},
	{"IPv4 in TCP6", "PROXY TCP6 192.0.2.1 192.0.2.1 1 1\r\n", 36, "is not valid"},
	{"zone", "PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n", 33, "is not valid"},
	{"zeros in an address", "PROXY TCP4 192.0.2.01 192.0.2.1 1 1\r\n", 37, "is not valid"},
	{"zeros in a port", "PROXY TCP4 192.0.2.1 192.0.2.1 01 1\r\n", 37, "is not valid"},
	{"port too large", "PROXY TCP4 192.0.2.1 192.0.2.1 1 65536\r\n", 40, "is not valid"},
	{"port with a sign", "PROXY TCP4 192.0.2.1 192.0.2.1 +1 1\r\n", 37, "is not valid"},
	{"name", "PROXY TCP4 localhost 192.0.2.1 1 1\r\n", 36, "is not valid"},
	{"v1 too long", "PROXY UNKNOWN " + strings.Repeat("x", 92) + "\r\n", 107, "within 107 bytes"},
	{"signature cut", "\r\n\r\n\x00\r\nQUIT\r", 12, "does not begin with a PROXY"},
	{"version 1 in binary", v2(0x11, 0x11, v2IPv4), 16, "command 0x11"},
	{"version 3", v2(0x31, 0x11, v2IPv4), 16, "command 0x31"},
	{"unknown command", v2(0x22, 0x11, v2IPv4), 16, "command 0x22"},
	{"unknown family", v2(0x21, 0x41, v2IPv4), 16, "transport 0x41"},
	{"unknown transport", v2(0x21, 0x13, v2IPv4), 16, "transport 0x13"},
	{"family without a transport", v2(0x21, 0x10, v2IPv4), 16, "transport 0x10"},
	{"v2 IPv4 too short", v2(0x21, 0x11, v2IPv4[:11]), 16, "too small"},
	{"v2 IPv6 too short", v2(0x21, 0x21, v2IPv6[:35]), 16, "too small"},
	{"v2 unix too short", v2(0x21, 0x31, strings.Repeat("x", 215)), 16, "too small"},
	{"v2 too long", v2(0x21, 0x11, strings.Repeat("x", 521)), 16, "a header of 537 bytes, limit 536"},
	{"v2, the largest length", v2(0x20, 0x00, strings.Repeat("x", 65535)), 16, "a header of 65551 bytes"},
}

func TestDecodeProxyHeaderErrors(t *testing.T) {
	for _, tt := range badProxyHeaders {
		t.Run(tt.name, func(t *testing.T) {
			if _, size, err := decodeProxyHeader([]byte(tt.in[:tt.at-1])); size != 0 || err != nil {
				t.Errorf("of %d bytes: got %d, %v; want an incomplete header", tt.at-1, size, err)
			}
			for _, n := range []int{tt.at, len(tt.in)} {
				h, size, err := decodeProxyHeader([]byte(tt.in[:n]))
				if h != (proxyHeader{}) || size != 0 || err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("of %d bytes: got %+v, %d, %v; want an error with %q", n, h, size, err, tt.want)
				}
			}
		})
	}
}

// encode returns the shortest header of each version that says h. Version 1 cannot say unix.
func (h proxyHeader) encode() (list []string) {
	source, destination := h.source.Addr(), h.destination.Addr()
	switch {
	case h.unix:
		return []string{v2(0x21, 0x31, strings.Repeat("\x00", proxyV2Unix))}
	case !source.IsValid():
		return []string{"PROXY UNKNOWN\r\n", v2(0x20, 0x00, "")}
	}
	name, family := "TCP4", byte(0x11)
	if source.Is6() {
		name, family = "TCP6", 0x21
	}
	p := slices.Concat(source.AsSlice(), destination.AsSlice())
	p = binary.BigEndian.AppendUint16(p, h.source.Port())
	p = binary.BigEndian.AppendUint16(p, h.destination.Port())
	return []string{
		fmt.Sprintf("PROXY %s %s %s %d %d\r\n", name, source, destination, h.source.Port(), h.destination.Port()),
		v2(0x21, family, string(p)),
	}
}

// FuzzDecodeProxyHeader checks that a header survives encoding in both versions, that it depends on
// nothing after its end, and that no longer input is needed to decide than the limit.
func FuzzDecodeProxyHeader(f *testing.F) {
	for _, tt := range proxyHeaders {
		f.Add([]byte(tt.in + "rest"))
	}
	for _, tt := range badProxyHeaders {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		h, size, err := decodeProxyHeader(p)
		switch {
		case size > min(len(p), maxProxyHeader) || size != 0 && err != nil || size == 0 && h != (proxyHeader{}):
			t.Fatalf("of %.600q: got %+v, %d, %v", p, h, size, err)
		case size == 0 && err == nil && len(p) >= maxProxyHeader:
			t.Fatalf("of %.600q: incomplete at the limit", p)
		case size == 0:
			return
		}
		if again, n, err := decodeProxyHeader(p[:size]); again != h || n != size || err != nil {
			t.Fatalf("of %.600q: got %+v, %d, %v without the rest; want %+v, %d", p[:size], again, n, err, h, size)
		}
		if _, n, err := decodeProxyHeader(p[:size-1]); n != 0 || err != nil {
			t.Fatalf("of %.600q: got %d, %v without the last byte; want an incomplete header", p[:size-1], n, err)
		}
		for _, text := range h.encode() {
			if again, n, err := decodeProxyHeader([]byte(text)); again != h || n != len(text) || err != nil {
				t.Fatalf("%+v is encoded as %.600q, which is %+v, %d, %v", h, text, again, n, err)
			}
		}
	})
}
