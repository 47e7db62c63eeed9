package cgi

import "testing"

func TestDefaultMaxSpool(t *testing.T) {
	if defaultMaxSpool != 64<<20 {
		t.Errorf("got %d; want the 64 MiB that MaxSpoolBytes promises", defaultMaxSpool)
	}
}
