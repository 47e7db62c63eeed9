package main

import (
	"runtime"
	"testing"
)

// TestSetCollector: the heap has a floor, and the environment decides if it sets the collector.
func TestSetCollector(t *testing.T) {
	defer func() { heapFloor = nil }()
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		setCollector(func(n string) string {
			if n == name {
				return "100"
			}
			return ""
		})
		if heapFloor != nil {
			t.Fatalf("%s does not win", name)
		}
	}
	setCollector(func(string) string { return "" })
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.NextGC < 2*floorSize {
		t.Errorf("the next collection is at %d bytes; want at least %d", m.NextGC, 2*floorSize)
	}
}
