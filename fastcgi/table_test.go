package fastcgi

import (
	"math"
	"slices"
	"testing"
)

// tableStep is one call of a requestTable, on the request of that id.
type tableStep struct {
	call string
	id   uint16
	size int64
	want bool // of reserve
}

// tableOf is what is to be seen of a requestTable.
type tableOf struct {
	open, pending []uint16
	slots         int
	paramsBytes   int64
	shared        bool
}

func (t *requestTable) seen() tableOf {
	s := tableOf{slots: t.slots, paramsBytes: t.paramsBytes, shared: t.shared}
	for _, r := range t.open {
		s.open = append(s.open, r.id)
	}
	for r := range t.pendingParams() {
		s.pending = append(s.pending, r.id)
	}
	return s
}

// apply makes one call. The requests are kept by id, the latest of each.
func (t *requestTable) apply(test *testing.T, requests map[uint16]*request, step tableStep) {
	test.Helper()
	r := requests[step.id]
	switch step.call {
	case "add":
		requests[step.id] = &request{id: step.id}
		t.add(requests[step.id])
	case "reserve":
		if got := t.reserve(r, step.size, 100); got != step.want {
			test.Errorf("reserve of %d bytes for %d: got %t", step.size, step.id, got)
		}
	case "complete":
		r.paramsEnded = true
	case "forget":
		t.forget(r)
	case "release":
		t.release(r)
	}
	if got := t.find(step.id); got != nil && got != requests[step.id] {
		test.Errorf("after %s, find(%d) gives another request", step.call, step.id)
	}
}

func TestRequestTable(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []tableStep
		want  tableOf
	}{
		{"empty", nil, tableOf{}},
		{"one", []tableStep{{call: "add", id: 7}}, tableOf{open: []uint16{7}, pending: []uint16{7}, slots: 1}},
		{"one complete", []tableStep{{call: "add", id: 7}, {call: "complete", id: 7}}, tableOf{open: []uint16{7}, slots: 1}},
		{"one after the other", []tableStep{{call: "add", id: 7}, {call: "forget", id: 7}, {call: "release", id: 7}, {call: "add", id: 7}},
			tableOf{open: []uint16{7}, pending: []uint16{7}, slots: 1}},
		{"two at once", []tableStep{{call: "add", id: 9}, {call: "add", id: 7}, {call: "complete", id: 9}},
			tableOf{open: []uint16{9, 7}, pending: []uint16{7}, slots: 2, shared: true}},
		{"shared for good", []tableStep{{call: "add", id: 1}, {call: "add", id: 2}, {call: "forget", id: 1}, {call: "release", id: 1},
			{call: "forget", id: 2}, {call: "release", id: 2}}, tableOf{shared: true}},
		{"aborted, its App still running", []tableStep{{call: "add", id: 1}, {call: "reserve", id: 1, size: 5, want: true}, {call: "forget", id: 1}},
			tableOf{slots: 1, paramsBytes: 5}},
		{"its id used again", []tableStep{{call: "add", id: 1}, {call: "complete", id: 1}, {call: "forget", id: 1}, {call: "add", id: 1}},
			tableOf{open: []uint16{1}, pending: []uint16{1}, slots: 2}},
		{"returned, its END_REQUEST not sent", []tableStep{{call: "add", id: 1}, {call: "reserve", id: 1, size: 5, want: true}, {call: "release", id: 1}},
			tableOf{open: []uint16{1}, pending: []uint16{1}}},
		{"forgotten twice", []tableStep{{call: "add", id: 1}, {call: "add", id: 2}, {call: "forget", id: 1}, {call: "forget", id: 1}},
			tableOf{open: []uint16{2}, pending: []uint16{2}, slots: 2, shared: true}},
		{"bytes to the bound", []tableStep{{call: "add", id: 1}, {call: "reserve", id: 1, size: 1599, want: true}, {call: "reserve", id: 1, size: 1, want: true}},
			tableOf{open: []uint16{1}, pending: []uint16{1}, slots: 1, paramsBytes: 1600}},
		{"bytes over the bound", []tableStep{{call: "add", id: 1}, {call: "reserve", id: 1, size: 1600, want: true}, {call: "add", id: 2}, {call: "reserve", id: 2, size: 1}},
			tableOf{open: []uint16{1, 2}, pending: []uint16{1, 2}, slots: 2, paramsBytes: 1600, shared: true}},
		{"bytes free again", []tableStep{{call: "add", id: 1}, {call: "reserve", id: 1, size: 1600, want: true}, {call: "release", id: 1}, {call: "add", id: 2},
			{call: "reserve", id: 2, size: 1600, want: true}}, tableOf{open: []uint16{1, 2}, pending: []uint16{1, 2}, slots: 1, paramsBytes: 1600, shared: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var table requestTable
			requests := make(map[uint16]*request)
			for _, step := range c.steps {
				table.apply(t, requests, step)
			}
			got := table.seen()
			if !slices.Equal(got.open, c.want.open) || !slices.Equal(got.pending, c.want.pending) || got.slots != c.want.slots ||
				got.paramsBytes != c.want.paramsBytes || got.shared != c.want.shared {
				t.Errorf("got %+v; want %+v", got, c.want)
			}
			if oldest := table.oldestPending(); (oldest == nil) != (len(c.want.pending) == 0) || oldest != nil && oldest.id != c.want.pending[0] {
				t.Errorf("oldestPending: got %+v", oldest)
			}
		})
	}
}

// A table has as many slots as FCGI_MAX_REQS promises for each connection.
func TestRequestTableIsFull(t *testing.T) {
	var table requestTable
	var first *request
	for id := range uint16(maxSlots) {
		if table.full() {
			t.Fatalf("full with %d requests", id)
		}
		r := &request{id: id}
		if table.add(r); first == nil {
			first = r
		}
	}
	table.forget(first)
	if !table.full() {
		t.Error("a request whose App has not returned has no slot")
	}
	if table.release(first); table.full() {
		t.Error("full with a slot free")
	}
}

func TestReserveBounds(t *testing.T) {
	for _, c := range []struct {
		size, most int64
		want       bool
	}{
		{1, 0, false}, {math.MaxInt64, -1, true}, {math.MaxInt64, math.MaxInt64, true}, {17, 1, false}, {16, 1, true},
	} {
		var table requestTable
		if got := table.reserve(new(request), c.size, c.most); got != c.want || got != (table.paramsBytes > 0) {
			t.Errorf("%d bytes, where %d are for one request: got %t, %d reserved", c.size, c.most, got, table.paramsBytes)
		}
	}
}
