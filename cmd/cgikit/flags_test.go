package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "1000000": 1000000, "64k": 64 << 10, "64K": 64 << 10, "64KiB": 64 << 10, "50M": 50 << 20, "1G": 1 << 30, "1GB": 1 << 30, "2T": 2 << 40,
		"9223372036854775807": math.MaxInt64,
	} {
		var b byteSize
		if err := b.Set(text); int64(b) != want || err != nil {
			t.Errorf("%q: got %d, %v; want %d", text, b, err, want)
		}
		again := byteSize(-1)
		if err := again.Set(b.String()); err != nil || again != b {
			t.Errorf("%q: %q is read as %d, %v", text, b.String(), again, err)
		}
	}
	for _, text := range []string{"", "-1", "M", "1.5G", "64x", "64MM", "64kM", "9223372036854775808", "9999999T", "0x10", "1 M", "iB"} {
		b := byteSize(7)
		if err := b.Set(text); err == nil || b != 7 {
			t.Errorf("%q: got %d, %v; want an error", text, b, err)
		}
	}
}

func TestParseAllow(t *testing.T) {
	peers, uids, err := parseAllow([]string{"10.0.0.0/8", "127.0.0.1", "0", "::1", "2001:db8::/32", "33"})
	if got := fmt.Sprint(peers, uids); got != "[10.0.0.0/8 127.0.0.1/32 ::1/128 2001:db8::/32] [0 33]" || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	for _, bad := range []string{"", "localhost", "10.0.0.0/33", "10.0.0.1/8", "-1", "fe80::1%eth0", "99999999999", "www-data", "uid:33"} {
		if _, _, err := parseAllow([]string{bad}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", bad)) {
			t.Errorf("%q: got %v; want an error that quotes it", bad, err)
		}
	}
}
