package trace

import (
	"io"
	"testing"
	"time"
)

// exchangeOnce returns a function that decodes a whole exchange and prints its lines.
func exchangeOnce() func() {
	p := &Printer{W: io.Discard, Buffered: true}
	d := newFastCGI(1, p)
	parts := wholeExchange()
	return func() {
		for _, part := range parts {
			d.feed(part.d, part.data, time.Second)
		}
	}
}

// The allocations of an exchange of nine records: what is kept of it, and the notes of its lines.
func TestCost(t *testing.T) {
	const most = 30
	if got := testing.AllocsPerRun(100, exchangeOnce()); got > most {
		t.Errorf("got %v allocations; want at most %d", got, most)
	}
}

func BenchmarkDecode(b *testing.B) {
	once := exchangeOnce()
	b.ReportAllocs()
	for b.Loop() {
		once()
	}
}
