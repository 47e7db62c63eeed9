package launch

import (
	"sync/atomic"

	"github.com/cgikit/cgikit/gateway/transport"
)

// Monitor shows the state of a [Config.Run], for a status page or a health check. The zero value is
// ready. All methods may be called at any time, and at the same time. A Monitor must not be copied,
// nor used for two Runs at the same time.
type Monitor struct {
	servers atomic.Pointer[servers] // nil before Run, and in a CGI process
	serving atomic.Bool
	drains  atomic.Bool
}

// Serving reports whether requests are accepted on every address. It returns false until all of
// them are open, and from the time when they close.
func (m *Monitor) Serving() bool { return m.serving.Load() }

// Draining reports whether the process was asked to end. During Config.DrainDelay, Serving returns
// true at the same time.
func (m *Monitor) Draining() bool { return m.drains.Load() }

// Stats returns the figures of each protocol, under "http", "fastcgi" and "scgi". Connections of
// auto: count for the protocol that they used. It returns nil until Run serves. After Run it
// returns the last figures.
func (m *Monitor) Stats() map[string]transport.Stats {
	s := m.servers.Load()
	if s == nil {
		return nil
	}
	return map[string]transport.Stats{"http": s.http.Stats(), "fastcgi": s.fastcgi.Stats(), "scgi": s.scgi.Stats()}
}

// start, drain and stop set the state. m may be nil, as the Monitor of a Config.
func (m *Monitor) start(s *servers) {
	if m != nil {
		m.servers.Store(s)
		m.drains.Store(false)
		m.serving.Store(true)
	}
}

func (m *Monitor) drain() {
	if m != nil {
		m.drains.Store(true)
	}
}

func (m *Monitor) stop() {
	m.drain()
	if m != nil {
		m.serving.Store(false)
	}
}
