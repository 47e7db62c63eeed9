package monitor

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// writeProcess writes the resources of the process, which began at start, under the names of
// Prometheus's own clients.
func writeProcess(p *exposition, start time.Time) {
	p.metric("go_goroutines", "gauge", "Goroutines that exist.")
	p.sample("go_goroutines", runtime.NumGoroutine())
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	p.metric("go_memstats_alloc_bytes", "gauge", "Bytes of heap that are in use.")
	p.sample("go_memstats_alloc_bytes", heap[0].Value.Uint64())
	p.metric("process_start_time_seconds", "gauge", "When the process started, in seconds since 1970.")
	p.sample("process_start_time_seconds", start.Unix())
	u, ok := readUsage()
	if !ok {
		return
	}
	p.metric("process_cpu_seconds_total", "counter", "CPU time used, in seconds.")
	p.sample("process_cpu_seconds_total", u.cpuSeconds)
	p.metric("process_resident_memory_bytes", "gauge", "Resident memory in bytes.")
	p.sample("process_resident_memory_bytes", u.residentBytes)
	p.metric("process_open_fds", "gauge", "Open file descriptors.")
	p.sample("process_open_fds", u.openFiles)
}

// usage has the resources of the process.
type usage struct {
	cpuSeconds    float64
	residentBytes int64
	openFiles     int
}
