package fastcgi

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestHandoff: whatever happens to the requests of a connection, one goroutine reads it, and one
// only. In the steps, begin, finish, handOff, claim, release and look are the calls, for the
// request of that number; a begin needs a goroutine that reads.
func TestHandoff(t *testing.T) {
	type step struct {
		call    string
		request int
		want    bool // of begin, finish, claim, release and look
	}
	for _, c := range []struct {
		name    string
		steps   []step
		started int // other goroutines that began to read
	}{
		{"short", []step{{"begin", 1, true}, {"finish", 1, true}, {"begin", 2, false}, {"finish", 2, true}}, 0},
		{"short, looked at between two", []step{{"begin", 1, true}, {"finish", 1, true}, {"look", 0, false}, {"begin", 2, true}, {"finish", 2, true}}, 0},
		{"looked at once", []step{{"begin", 1, true}, {"look", 0, true}, {"finish", 1, true}, {"begin", 2, false}, {"look", 0, true}, {"finish", 2, true}}, 0},
		{"long", []step{{"begin", 1, true}, {"look", 0, true}, {"look", 0, false}, {"finish", 1, false}}, 1},
		{"waits for its body", []step{{"begin", 1, true}, {"handOff", 1, false}, {"finish", 1, false}}, 1},
		{"waits twice", []step{{"begin", 1, true}, {"handOff", 1, false}, {"handOff", 1, false}, {"look", 0, false}, {"finish", 1, false}}, 1},
		{"waits in a goroutine of its own", []step{{"begin", 1, true}, {"handOff", 2, false}, {"finish", 1, true}}, 0},
		{"waits when it has returned", []step{{"begin", 1, true}, {"finish", 1, true}, {"handOff", 1, false}}, 0},
		{"aborted, and the next begins", []step{{"begin", 1, true}, {"handOff", 1, false}, {"begin", 2, false}, {"finish", 1, true}, {"finish", 2, false}}, 1},
		{"aborted, and both are long", []step{{"begin", 1, true}, {"handOff", 1, false}, {"begin", 2, false}, {"look", 0, true}, {"look", 0, false},
			{"finish", 1, false}, {"finish", 2, false}}, 2},
		{"reads its body", []step{{"begin", 1, true}, {"claim", 1, true}, {"release", 1, false}, {"claim", 1, true}, {"release", 1, false}, {"finish", 1, true}}, 0},
		{"looked at while it reads", []step{{"begin", 1, true}, {"claim", 1, true}, {"look", 0, false}, {"look", 0, false}, {"release", 1, true}, {"finish", 1, true}}, 0},
		{"long after it has read", []step{{"begin", 1, true}, {"look", 0, true}, {"claim", 1, true}, {"release", 1, false}, {"look", 0, true}, {"look", 0, false},
			{"claim", 1, false}, {"finish", 1, false}}, 1},
		{"returns while it reads", []step{{"begin", 1, true}, {"claim", 1, true}, {"finish", 1, false}, {"release", 1, false}}, 1},
		{"needs a reader while it reads", []step{{"begin", 1, true}, {"claim", 1, true}, {"handOff", 1, false}, {"release", 1, false}, {"finish", 1, false}}, 1},
		{"reads where another goroutine does", []step{{"begin", 1, true}, {"handOff", 1, false}, {"claim", 1, false}, {"finish", 1, false}}, 1},
		{"reads in a goroutine of its own", []step{{"begin", 1, true}, {"claim", 2, false}, {"finish", 1, true}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			started, readers := 0, 1
			h := handoff{read: func() { started++; readers++ }, reading: true}
			requests := map[int]*request{1: {}, 2: {}}
			for i, s := range c.steps {
				got := s.want
				switch s.call {
				case "begin":
					got = h.begin(requests[s.request])
					readers--
				case "finish":
					if got = h.finish(); got {
						readers++
					}
				case "handOff":
					h.handOff(requests[s.request])
				case "claim":
					if got = h.claim(requests[s.request]); got {
						readers++
					}
				case "release":
					readers--
					got = h.release(requests[s.request])
				case "look":
					got = h.tick()
				}
				if got != s.want || readers < 0 || readers > 1 {
					t.Errorf("step %d, %s: got %t, %d goroutines read", i, s.call, got, readers)
				}
			}
			if started != c.started || readers != 1 {
				t.Errorf("%d goroutines began to read, %d read at the end; want %d and 1", started, readers, c.started)
			}
		})
	}
}

// The watch hands over within two periods, and ends when none is left to look at.
func TestHandoffWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w handoffWatch
		started := make(chan time.Time, 2)
		for range 2 {
			h := &handoff{read: func() { started <- time.Now() }, reading: true}
			began := time.Now()
			if h.begin(new(request)) {
				w.add(h)
			}
			if took := (<-started).Sub(began); took <= 0 || took > 2*handoffPeriod {
				t.Errorf("handed over after %v; want at most two periods", took)
			}
			h.finish()
		}
		time.Sleep(2 * handoffPeriod)
		synctest.Wait()
		if w.running || len(w.watched) > 0 {
			t.Error("the watch goes on")
		}
	})
}
