package nethttp

import (
	"math"
	"testing"
	"time"
)

func tableOf(requests ...*request) *table {
	t := &table{open: make(map[uint16]*request)}
	for i, r := range requests {
		r.id = uint16(i + 1)
		t.open[r.id] = r
	}
	return t
}

// TestReserve: all requests of a connection together may reserve 16 times the bound of one, and
// release it.
func TestReserve(t *testing.T) {
	a, b := new(request), new(request)
	table := tableOf(a, b)
	for _, step := range []struct {
		name    string
		r       *request
		n, most int64
		want    bool
	}{
		{"some", a, 1000, 100, true},
		{"up to the bound", b, 600, 100, true},
		{"one byte more", a, 1, 100, false},
		{"without a bound", a, 1, -1, true},
		{"a bound that cannot be multiplied", a, 1, math.MaxInt64, true},
	} {
		if got := table.reserve(step.r, step.n, step.most); got != step.want {
			t.Errorf("%s: got %v; want %v", step.name, got, step.want)
		}
	}
	if a.bytes != 1002 || b.bytes != 600 || table.bytes != 1602 {
		t.Errorf("got %d, %d and %d bytes in all", a.bytes, b.bytes, table.bytes)
	}
	table.forget(a)
	if table.bytes != 600 || table.open[1] != nil || table.open[2] != b {
		t.Errorf("after forget: got %d bytes and %v", table.bytes, table.open)
	}
}

// TestHeldRequests: a request is held until it is passed on; its variables are to come until they
// have ended.
func TestHeldRequests(t *testing.T) {
	now := time.Now()
	passed := &request{begun: now, paramsEnded: true, passed: true}
	waiting := &request{begun: now.Add(1), paramsEnded: true}
	begun := &request{begun: now.Add(2)}
	for _, test := range []struct {
		name   string
		table  *table
		oldest *request
		params bool
	}{
		{"none", tableOf(), nil, false},
		{"passed on", tableOf(passed), nil, false},
		{"without its body", tableOf(passed, waiting), waiting, false},
		{"begun", tableOf(begun, passed, waiting), waiting, true},
		{"begun only", tableOf(passed, begun), begun, true},
	} {
		if got := test.table.oldestHeld(); got != test.oldest || test.table.hasPending() != test.params {
			t.Errorf("%s: got %+v, %v", test.name, got, test.table.hasPending())
		}
	}
}
