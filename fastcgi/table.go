package fastcgi

import (
	"iter"
	"slices"
)

// maxSlots is how many requests one connection may have. An aborted request counts until its App
// has returned. Each may hold a part of its body and its share of the connection's variables.
const maxSlots = 128

// requestTable holds the requests of one connection. The zero value is ready to use. conn.mu guards
// it.
//
// A request is added at its BEGIN_REQUEST and gets an id and a slot. It is forgotten when its
// END_REQUEST is sent: then the web server may use the id again. It is released when its App has
// returned, which frees its slot and the bytes reserved for its variables. Forgetting and releasing
// happen in either order.
type requestTable struct {
	open        []*request // added and not forgotten, oldest first
	slots       int        // number of slots in use
	paramsBytes int64      // reserved by all requests that have a slot
	// two requests were open at once, or the web server asked for FCGI_MPXS_CONNS
	shared bool
}

// find returns the open request with that id, or nil. A linear search is fast enough for the few
// open requests.
func (t *requestTable) find(id uint16) *request {
	for _, r := range t.open {
		if r.id == id {
			return r
		}
	}
	return nil
}

// full reports whether all slots are in use.
func (t *requestTable) full() bool { return t.slots >= maxSlots }

// add adds r, whose id must be free. The table must not be full.
func (t *requestTable) add(r *request) {
	t.shared = t.shared || len(t.open) > 0
	t.open = append(t.open, r)
	t.slots++
}

// reserve reserves size more bytes for the variables of r. It reports false and reserves nothing if
// all requests together would exceed 16 times most. A negative most is no bound.
func (t *requestTable) reserve(r *request, size, most int64) bool {
	if most >= 0 && (t.paramsBytes+size-1)/16 >= most { // 16*most could overflow
		return false
	}
	r.paramsBytes += size
	t.paramsBytes += size
	return true
}

// pendingParams iterates over the open requests whose variables are incomplete, oldest first.
func (t *requestTable) pendingParams() iter.Seq[*request] {
	return func(yield func(*request) bool) {
		for _, r := range t.open {
			if !r.paramsEnded && !yield(r) {
				return
			}
		}
	}
}

// pendingList returns the requests of pendingParams as a slice.
func (t *requestTable) pendingList() []*request { return slices.Collect(t.pendingParams()) }

// oldestPending returns the first request of pendingParams, or nil.
func (t *requestTable) oldestPending() *request {
	for r := range t.pendingParams() {
		return r
	}
	return nil
}

// forget frees the id of r. A second call does nothing.
func (t *requestTable) forget(r *request) {
	if i := slices.Index(t.open, r); i >= 0 {
		t.open = slices.Delete(t.open, i, i+1)
	}
}

// release frees the slot of r and the bytes reserved for it. It must be called once.
func (t *requestTable) release(r *request) {
	t.slots--
	t.paramsBytes -= r.paramsBytes
	r.paramsBytes = 0
}
