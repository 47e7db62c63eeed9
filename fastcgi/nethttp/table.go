package nethttp

// table is the requests of one connection. conn.mu guards it.
type table struct {
	open  map[uint16]*request // by the web server's id, until they have ended
	bytes int64               // that the variables of all take
}

// reserve counts n bytes more for the variables of r, unless all would then take more than 16 times
// most. A negative most is no bound.
func (t *table) reserve(r *request, n, most int64) bool {
	if most >= 0 && (t.bytes+n-1)/16 >= most { // 16*most may overflow
		return false
	}
	r.bytes += n
	t.bytes += n
	return true
}

// forget frees the id of r, and what its variables take.
func (t *table) forget(r *request) {
	delete(t.open, r.id)
	t.bytes -= r.bytes
}

// oldestHeld returns the request that has been held back the longest, or nil: its variables, or the
// first record of its body, are still to come.
func (t *table) oldestHeld() (oldest *request) {
	for _, r := range t.open {
		if !r.passed && (oldest == nil || r.begun.Before(oldest.begun)) {
			oldest = r
		}
	}
	return oldest
}

// hasParams reports whether the variables of a request are still to come.
func (t *table) hasParams() bool {
	for _, r := range t.open {
		if !r.paramsEnded {
			return true
		}
	}
	return false
}
