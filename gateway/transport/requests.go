package transport

import "log/slog"

// BeginRequest counts one more request under way and returns true; EndRequest must follow. If limit
// is positive and that many are under way already, it counts nothing, logs a warning, and returns
// false: the server then refuses the request as its protocol does.
func (cs *Conns) BeginRequest(limit int) bool {
	if n := cs.requests.Add(1); limit <= 0 || n <= int64(limit) {
		return true
	}
	cs.EndRequest()
	cs.Warn("refusing requests above the limit", "limit", limit)
	return false
}

// EndRequest counts one request less.
func (cs *Conns) EndRequest() { cs.requests.Add(-1) }

// Warn logs msg, but only if the last call with msg was more than a minute ago, so that a peer
// cannot fill the log. msg must be a constant; put what varies into args, as for slog.Logger.Warn.
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
	if cs.warnings.IsNews(msg) {
		log.Warn(msg, args...)
	}
}
