package host

import "testing"

func TestQuality(t *testing.T) {
	for _, c := range []struct {
		accept, coding string
		want           int
	}{
		{"", "gzip", 0},
		{"gzip", "gzip", 1000},
		{"GZip", "gzip", 1000},
		{"br, gzip", "gzip", 1000},
		{"br,gzip;q=0.5", "gzip", 500},
		{"gzip ; q=0.5", "gzip", 500},
		{"gzip;Q=1", "gzip", 1000},
		{"gzip;q=0", "gzip", 0},
		{"gzip;q=0.001", "gzip", 1},
		{"gzip;q=2", "gzip", 0},
		{"gzip;q=-1", "gzip", 0},
		{"gzip;q=NaN", "gzip", 0},
		{"gzip;q=", "gzip", 0},
		{"gzip;level=1", "gzip", 0},
		{"gzipped", "gzip", 0},
		{"*", "gzip", 1000},
		{"*;q=0.3", "br", 300},
		{"gzip;q=0, *", "gzip", 0},
		{"*, gzip;q=0", "gzip", 0},
		{"*", "identity", 0},
		{"identity;q=0.7", "identity", 700},
	} {
		if got := quality(c.accept, c.coding); got != c.want {
			t.Errorf("%q of %q: got %d; want %d", c.coding, c.accept, got, c.want)
		}
	}
}
