package fastcgi

import (
	"testing"
	"time"
)

// A zero Server is bounded; only negative fields remove the bounds.
func TestDefaults(t *testing.T) {
	zero, none := new(Server).limits(), (&Server{MaxParams: -1, MaxParamsBytes: -1}).limits()
	if got := zero.maxParams; got != 1024 {
		t.Errorf("MaxParams: got %d; want 1024", got)
	}
	if got := zero.maxParamsBytes; got != 256<<10 {
		t.Errorf("MaxParamsBytes: got %d; want 256 KiB", got)
	}
	if n, size := none.maxParams, none.maxParamsBytes; n >= 0 || size >= 0 {
		t.Errorf("no bounds: got %d and %d; want them negative", n, size)
	}
	for field, want := range map[time.Duration]time.Duration{0: time.Minute, -1: 0, time.Second: time.Second} {
		if got := timeout(field); got != want {
			t.Errorf("a timeout of %v: got %v; want %v", field, got, want)
		}
	}
}
