package launch

import (
	"sync/atomic"

	"github.com/cgikit/cgikit/gateway/transport"
)

// Monitor shows what a [Config.Run] is doing, for a status page or a health check. The zero value
// is ready; its methods may be called at any time, by any number of goroutines. A Monitor must not
// be copied, nor used for two Runs at the same time.
type Monitor struct {
	servers atomic.Pointer[servers] // nil before Run and as CGI
	serving atomic.Bool
}

// Serving reports whether requests are taken at every address: not before all of them are open, and
// not while the process ends.
func (m *Monitor) Serving() bool { return m.serving.Load() }

// Stats returns the connections of each protocol in figures, by "http", "fastcgi" and "scgi"; those
// of auto: count for the protocol that was spoken. It is nil before there are any. After Run it
// returns the last figures.
func (m *Monitor) Stats() map[string]transport.Stats {
	s := m.servers.Load()
	if s == nil {
		return nil
	}
	return map[string]transport.Stats{"http": s.http.Stats(), "fastcgi": s.fastcgi.Stats(), "scgi": s.scgi.Stats()}
}

// begin and end are for a Config, whose Monitor may be nil.
func (m *Monitor) begin(s *servers) {
	if m != nil {
		m.servers.Store(s)
		m.serving.Store(true)
	}
}

func (m *Monitor) end() {
	if m != nil {
		m.serving.Store(false)
	}
}
