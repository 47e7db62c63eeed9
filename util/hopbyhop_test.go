package util_test

import (
	"strings"
	"testing"

	"github.com/cgikit/cgikit/util"
)

// TestIsHopByHop: C39 and A5 depend on it.
func TestIsHopByHop(t *testing.T) {
	tests := []struct {
		name string
		want bool
	}{
		{"Connection", true},
		{"Keep-Alive", true},
		{"Proxy-Authenticate", true},
		{"Proxy-Authorization", true},
		{"TE", true},
		{"Trailers", true}, // RFC 2616's misspelling, which CPython's tests require
		{"Transfer-Encoding", true},
		{"Upgrade", true},
		{"Trailer", true},          // departure: Python false
		{"Proxy-Connection", true}, // departure: Python false
		{"", false},
		{"Date", false},
		{"Content-Type", false},
		{"Content-Length", false},
		{"Proxy-Authentication-Info", false},
		{"Proxy-Authorizatio", false},
		{"Proxy-Authorization2", false},
		{"Connection ", false},
		{"Keep_Alive", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, name := range []string{test.name, strings.ToUpper(test.name), strings.ToLower(test.name)} {
				if got := util.IsHopByHop(name); got != test.want {
					t.Errorf("IsHopByHop(%q): got %v; want %v", name, got, test.want)
				}
			}
		})
	}
}

// TestIsHopByHopIsASCII: the Kelvin sign is a K by Unicode's case rules, but not a character of a
// field name.
func TestIsHopByHopIsASCII(t *testing.T) {
	if util.IsHopByHop("\u212aeep-Alive") {
		t.Error("got true for a name with a Kelvin sign; want false")
	}
}

func TestIsHopByHopAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { util.IsHopByHop("TRANSFER-ENCODING"); util.IsHopByHop("Content-Type") }); n != 0 {
		t.Errorf("got %v allocations; want 0", n)
	}
}

func TestIsConnectionOption(t *testing.T) {
	for _, test := range []struct {
		connection, name string
		want             bool
	}{
		{"X-Hop", "X-Hop", true},
		{"close, x-hop", "X-HOP", true},
		{"close ,,\tX-Hop\t,", "x-hop", true},
		{"X-Hop, X-Next", "X-Next", true},
		{"X-Hop2", "X-Hop", false},
		{"X-Hop", "X-Ho", false},
		{"", "X-Hop", false},
		{"", "", true}, // no field has this name
		{"Content-Type", "content-type", false},
		{"content-length", "Content-Length", false},
		{"Location", "Location", false},
		{"Set-Cookie", "Set-Cookie", true},
	} {
		if got := util.IsConnectionOption(test.connection, test.name); got != test.want {
			t.Errorf("IsConnectionOption(%q, %q): got %v; want %v", test.connection, test.name, got, test.want)
		}
	}
}
