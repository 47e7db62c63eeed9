package exchange_test

import (
	"io"
	"runtime"
	"testing"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// TestSpoolMemoryReused: bodies that follow one another share the memory of their pieces, whether
// they were read or dropped by Close. Half of it may be new, because the race detector has pools
// lose some of what they hold.
func TestSpoolMemoryReused(t *testing.T) {
	const bodies, size = 200, 100_000
	sent, block := pattern(size), make([]byte, 4096)
	for _, read := range []bool{true, false} {
		allocated := allocatedBy(func() {
			for range bodies {
				s := &exchange.Spool{}
				s.Write(sent)
				for read {
					if _, err := s.Read(block); err == io.EOF {
						break
					}
				}
				s.Close()
			}
		})
		if allocated > bodies*size/2 {
			t.Errorf("read %t: got %d bytes of new memory for %d bodies of %d", read, allocated, bodies, size)
		}
	}
}

// allocatedBy returns how many bytes f allocates.
func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
