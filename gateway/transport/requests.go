package transport

import "log/slog"

// BeginRequest counts one more request under way, and EndRequest must follow. Where there are most
// of them already, and most is positive, it counts none, logs that, and returns false: the server
// refuses the request in its protocol's own way.
func (cs *Conns) BeginRequest(most int) bool {
	if n := cs.requests.Add(1); most <= 0 || n <= int64(most) {
		return true
	}
	cs.EndRequest()
	cs.Warn("refusing requests above the limit", "limit", most)
	return false
}

// EndRequest counts one request less.
func (cs *Conns) EndRequest() { cs.requests.Add(-1) }

// Warn logs that some trouble has begun: msg is logged again only after a minute without it, so
// that a peer cannot fill the log. msg must be a constant; what differs from time to time is in
// args, as for slog.Logger.Warn.
func (cs *Conns) Warn(msg string, args ...any) {
	cs.mu.Lock()
	log := cs.log
	cs.mu.Unlock()
	if log == nil {
		log = slog.Default()
	}
	cs.warn(log, msg, args...)
}

func (cs *Conns) warn(log *slog.Logger, msg string, args ...any) {
	if cs.troubles.IsNews(msg) {
		log.Warn(msg, args...)
	}
}
