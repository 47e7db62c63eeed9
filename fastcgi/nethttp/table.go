package nethttp

// table holds the requests of one connection. conn.mu guards it.
type table struct {
	open  map[uint16]*request // by id, until they have ended
	bytes int64               // reserved for the variables of all
}

// reserve reserves n more bytes for the variables of r. It reports false and reserves nothing if
// all requests together would exceed 16 times most. A negative most is no bound.
func (t *table) reserve(r *request, n, most int64) bool {
	if most >= 0 && (t.bytes+n-1)/16 >= most { // 16*most may overflow
		return false
	}
	r.bytes += n
	t.bytes += n
	return true
}

// forget frees the id of r and the bytes reserved for its variables.
func (t *table) forget(r *request) {
	delete(t.open, r.id)
	t.bytes -= r.bytes
}

// oldestHeld returns the oldest request that was not passed on, or nil. Its variables are
// incomplete, or the first record of its body has not arrived.
func (t *table) oldestHeld() (oldest *request) {
	for _, r := range t.open {
		if !r.passed && (oldest == nil || r.begun.Before(oldest.begun)) {
			oldest = r
		}
	}
	return oldest
}

// hasPending reports whether the variables of any request are incomplete.
func (t *table) hasPending() bool {
	for _, r := range t.open {
		if !r.paramsEnded {
			return true
		}
	}
	return false
}
