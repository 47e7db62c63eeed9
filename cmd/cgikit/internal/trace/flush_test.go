package trace

import (
	"strings"
	"testing"
)

// TestBuffered: lines wait for Flush, but not without a bound.
func TestBuffered(t *testing.T) {
	var b strings.Builder
	p := &Printer{W: &b, Buffered: true}
	p.Event(&Event{Conn: 1, Direction: ToApp, Kind: "opened"})
	if b.Len() != 0 {
		t.Errorf("got %q before Flush", b.String())
	}
	p.Flush()
	if !strings.HasSuffix(b.String(), "#1 > opened\n") {
		t.Errorf("got %q", b.String())
	}
	for range maxWaiting {
		p.Event(&Event{Conn: 1, Direction: ToApp, Kind: "opened"})
	}
	if len(p.waiting) >= maxWaiting {
		t.Errorf("%d bytes wait; want less than %d", len(p.waiting), maxWaiting)
	}
}
