package fastcgi

// connState is where a connection is in its life. Which requests are open on it, the request table
// knows.
type connState int

const (
	stateNew       connState = iota // no request is complete yet
	stateKept                       // it is kept for more requests
	stateClosing                    // to be closed when no request is open; new ones are refused
	stateBreaking                   // likewise, with the mark of a response that was not whole
	stateLingering                  // our side is closed; what comes is dropped until the peer's is
	stateLost                       // nothing can be written any more
	stateCount
)

// connEvent is what changes the state of a connection.
type connEvent int

const (
	eventRequest   connEvent = iota // the variables of a request are complete
	eventEnd                        // a request has ended, after which the connection is kept
	eventLastEnd                    // one has ended, after which it is not
	eventBrokenEnd                  // one has ended whose response is not whole
	eventEmpty                      // no request is open
	eventLost                       // writing has failed, or Server.Close has begun
	eventCount
)

// transitions has the state that follows for each event.
var transitions = [stateCount][eventCount]connState{
	// Request, End, LastEnd, BrokenEnd, Empty, Lost
	stateNew:       {stateKept, stateNew, stateClosing, stateBreaking, stateNew, stateLost},
	stateKept:      {stateKept, stateKept, stateClosing, stateBreaking, stateKept, stateLost},
	stateClosing:   {stateClosing, stateClosing, stateClosing, stateBreaking, stateLingering, stateLost},
	stateBreaking:  {stateBreaking, stateBreaking, stateBreaking, stateBreaking, stateLingering, stateLost},
	stateLingering: {stateLingering, stateLingering, stateLingering, stateLingering, stateLingering, stateLost},
	stateLost:      {stateLost, stateLost, stateLost, stateLost, stateLost, stateLost},
}

// after returns the state that follows s when that has happened.
func (s connState) after(e connEvent) connState { return transitions[s][e] }

// admits reports whether the connection takes new requests.
func (s connState) admits() bool { return s <= stateKept }
