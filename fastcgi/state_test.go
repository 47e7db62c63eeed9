package fastcgi

import (
	"slices"
	"testing"
)

// The state of a connection follows from its events, in their order.
func TestConnStates(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []connEvent
		want   connState
	}{
		{"accepted", nil, stateNew},
		{"only management records, or a request that was refused", []connEvent{eventEmpty, eventEnd, eventEmpty}, stateNew},
		{"kept after a request", []connEvent{eventRequest, eventEnd, eventEmpty}, stateKept},
		{"kept beside a request", []connEvent{eventRequest, eventRequest, eventEnd}, stateKept},
		{"refused without the wish to keep", []connEvent{eventLastEnd, eventEmpty}, stateLingering},
		{"closed after the only request", []connEvent{eventRequest, eventLastEnd, eventEmpty}, stateLingering},
		{"to be closed, with another open", []connEvent{eventRequest, eventRequest, eventLastEnd}, stateClosing},
		{"closed when that has ended, though it wanted to keep", []connEvent{eventRequest, eventRequest, eventLastEnd, eventEnd, eventEmpty}, stateLingering},
		{"broken", []connEvent{eventRequest, eventBrokenEnd}, stateBreaking},
		{"broken, and to be closed before", []connEvent{eventRequest, eventRequest, eventLastEnd, eventBrokenEnd}, stateBreaking},
		{"broken, and to be closed after", []connEvent{eventRequest, eventRequest, eventBrokenEnd, eventLastEnd}, stateBreaking},
		{"broken, with the mark sent", []connEvent{eventRequest, eventBrokenEnd, eventEmpty}, stateLingering},
		{"asked something while it lingers", []connEvent{eventRequest, eventLastEnd, eventEmpty, eventLastEnd, eventEmpty}, stateLingering},
		{"lost within a response", []connEvent{eventRequest, eventLost, eventBrokenEnd, eventEmpty}, stateLost},
		{"lost while it lingers", []connEvent{eventLastEnd, eventEmpty, eventLost}, stateLost},
		{"server closed before a request", []connEvent{eventLost}, stateLost},
	} {
		s := stateNew
		for _, e := range c.events {
			s = s.after(e)
		}
		if s != c.want {
			t.Errorf("%s: got state %d; want %d", c.name, s, c.want)
		}
	}
}

// A connection never returns to an earlier state, so that what a goroutine decides by its state
// stays valid.
func TestConnStatesGoForward(t *testing.T) {
	for s := range stateCount {
		for e := range eventCount {
			if next := s.after(e); next < s {
				t.Errorf("event %d leads from state %d back to %d", e, s, next)
			}
			if next := s.after(e); next.allowsRequests() && slices.Contains([]connEvent{eventLastEnd, eventBrokenEnd, eventLost}, e) {
				t.Errorf("state %d admits requests after event %d", s, e)
			}
		}
		if s.after(eventLost) != stateLost {
			t.Errorf("state %d survives the loss of its connection", s)
		}
	}
}
