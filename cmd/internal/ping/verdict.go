package ping

import (
	"fmt"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/target"
)

// State is what is known of a target. A larger one is worse.
type State int

// The states, the best first.
const (
	OK        State = iota // it answered, and the answer is what was wanted
	Warning                // OK, but a --warn-if is true
	Busy                   // it accepts connections, or has a full queue of them, and does not answer
	Unhealthy              // it answered, and the answer is wrong or a --fail-if is true
	Dead                   // it cannot be connected to, or cannot be run
)

var stateNames = []string{"ok", "warning", "busy", "unhealthy", "dead"}

// String returns the word that a line of the command begins with.
func (s State) String() string { return stateNames[s] }

// Result is what one probe of one target found.
type Result struct {
	Target target.Target
	State  State
	Cause  string // why State is not OK; "" where it is
	Hint   string // what the user can do about it; "" where nothing is known

	Latency time.Duration // from the connection, or the start, to the end of the answer
	Answer  answer        // what came; its zero value where nothing did
	Queue   Queue
}

// healthy reports whether the exit status is 0.
func (r *Result) healthy(live bool) bool {
	return r.State <= Warning || live && r.State == Busy
}

// trouble is why a probe found no good answer.
type trouble struct {
	state       State
	cause, hint string
}

// Error implements error.
func (t *trouble) Error() string { return t.cause }

func newTrouble(state State, hint, format string, args ...any) *trouble {
	return &trouble{state, fmt.Sprintf(format, args...), hint}
}

// worst returns the result of the worst state, the first of several.
func worst(results []*Result) *Result {
	w := results[0]
	for _, r := range results {
		if r.State > w.State {
			w = r
		}
	}
	return w
}
