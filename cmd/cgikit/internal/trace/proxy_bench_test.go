package trace

import (
	"io"
	"slices"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// BenchmarkProxy asks an application directly and through a Proxy whose lines are dropped, in
// turns, each on one kept connection. It reports the median time of an exchange of both and the
// ratio.
func BenchmarkProxy(b *testing.B) {
	l := listener(b)
	s := &fastcgi.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		_, err := io.WriteString(w, "hello\n")
		return err
	})}
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(l) }()
	defer func() { s.Close(); <-served }()
	at, end := proxied(b, "fastcgi", l.Addr().String(), &Printer{W: io.Discard, Buffered: true})
	defer end()
	times := make(map[string][]time.Duration)
	clients := map[string]*fastcgi.Client{"direct": {Addr: l.Addr().String(), MaxIdleConns: 1}, "traced": {Addr: at, MaxIdleConns: 1}}
	for b.Loop() {
		for name, client := range clients {
			begin := time.Now()
			for range 50 {
				resp, err := client.RoundTrip(getRequest())
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			times[name] = append(times[name], time.Since(begin)/50)
		}
	}
	median := func(name string) float64 {
		slices.Sort(times[name])
		return float64(times[name][len(times[name])/2])
	}
	b.ReportMetric(median("direct"), "direct-ns")
	b.ReportMetric(median("traced"), "traced-ns")
	b.ReportMetric(median("direct")/median("traced"), "ratio")
	for _, client := range clients {
		client.Close()
	}
}
