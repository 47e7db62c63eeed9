package fastcgi

import (
	"cmp"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/transport"
)

// timeout returns the bound for a field of Server: the default if the field is zero, and zero (no
// bound) if it is negative.
func timeout(field time.Duration) time.Duration {
	return max(cmp.Or(field, transport.DefaultTimeout), 0)
}

// limits are the fields of a Server with their defaults filled in.
type limits struct {
	readTimeout    time.Duration // zero is no bound, also for the next two
	writeTimeout   time.Duration
	idleTimeout    time.Duration
	maxParamsBytes int64 // negative is no bound
	maxParams      int   // negative is no bound
	budget         *exchange.Budget
	log            *slog.Logger
}

func (s *Server) limits() *limits {
	l := &limits{
		readTimeout:    timeout(s.ReadTimeout),
		writeTimeout:   timeout(s.WriteTimeout),
		idleTimeout:    max(s.IdleTimeout, 0),
		maxParamsBytes: cmp.Or(s.MaxParamsBytes, transport.DefaultMaxParamsBytes),
		maxParams:      cmp.Or(s.MaxParams, transport.DefaultMaxParams),
		budget:         s.Budget,
		log:            s.ErrorLog,
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	if l.budget == nil {
		l.budget = &s.ownBudget
	}
	return l
}

// value returns a value for FCGI_GET_VALUES (FastCGI section 4.1). Numbers are at most
// math.MaxInt32, because clients parse them with C's atoi.
func (s *Server) value(name string) (string, bool) {
	conns := int64(math.MaxInt32)
	if s.MaxConns > 0 {
		conns = min(conns, int64(s.MaxConns))
	}
	switch name {
	case "FCGI_MAX_CONNS":
		return strconv.FormatInt(conns, 10), true
	case "FCGI_MAX_REQS":
		requests := min(math.MaxInt32, conns*maxSlots)
		if s.MaxRequests > 0 {
			requests = min(requests, int64(s.MaxRequests))
		}
		return strconv.FormatInt(requests, 10), true
	case "FCGI_MPXS_CONNS":
		return "1", true
	}
	return "", false
}
