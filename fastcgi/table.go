package fastcgi

import (
	"iter"
	"slices"
)

// maxSlots is how many requests one connection may have, aborted ones counted until their App has
// returned. Each may hold some body and its share of the connection's variables.
const maxSlots = 128

// requestTable holds the requests of one connection. The zero value is ready; its owner locks it.
//
// A request is admitted at its BEGIN_REQUEST, which gives it an id and a slot. It is forgotten when
// its END_REQUEST is sent: then the web server may use the id again. It is released when its App
// has returned, which frees its slot and the bytes reserved for its variables. Either may come
// first.
type requestTable struct {
	open        []*request // admitted and not forgotten, oldest first
	slots       int        // taken
	paramsBytes int64      // reserved by all that have a slot
	shared      bool       // two were open at once, or the web server asked whether they may
}

// find returns the open request of that id, or nil. They are few, so that a search costs little.
func (t *requestTable) find(id uint16) *request {
	for _, r := range t.open {
		if r.id == id {
			return r
		}
	}
	return nil
}

// full reports whether every slot is taken.
func (t *requestTable) full() bool { return t.slots >= maxSlots }

// admit takes in r, whose id must be free. The table must not be full.
func (t *requestTable) admit(r *request) {
	t.shared = t.shared || len(t.open) > 0
	t.open = append(t.open, r)
	t.slots++
}

// reserve counts size more bytes of variables of r. It reports false, and counts nothing, where
// that would be more than 16 times most for all requests. A negative most is no bound.
func (t *requestTable) reserve(r *request, size, most int64) bool {
	if most >= 0 && (t.paramsBytes+size-1)/16 >= most { // 16*most could overflow
		return false
	}
	r.paramsBytes += size
	t.paramsBytes += size
	return true
}

// pendingParams yields the open requests whose variables are not complete, oldest first.
func (t *requestTable) pendingParams() iter.Seq[*request] {
	return func(yield func(*request) bool) {
		for _, r := range t.open {
			if !r.paramsEnded && !yield(r) {
				return
			}
		}
	}
}

// pendingList returns the requests of pendingParams.
func (t *requestTable) pendingList() []*request { return slices.Collect(t.pendingParams()) }

// oldestPending returns the first of pendingParams, or nil.
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
