package demo

import (
	"fmt"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

const (
	streamLines = 10
	streamEvery = 300 * time.Millisecond
)

// serveStream flushes every line. It ends early if the transport reports that the client has gone.
func serveStream(w gateway.ResponseWriter, r *gateway.Request) error {
	if err := startResponse(w, "200 OK", textFields()...); err != nil {
		return err
	}
	if r.Environ.Get("REQUEST_METHOD") == "HEAD" {
		return w.Flush()
	}
	started := time.Now()
	next := time.NewTicker(streamEvery)
	defer next.Stop()
	for line := 1; ; line++ {
		fmt.Fprintf(w, "line %d of %d, after %d ms\n", line, streamLines, time.Since(started).Milliseconds())
		if err := w.Flush(); err != nil || line == streamLines {
			return err
		}
		select {
		case <-next.C:
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}
