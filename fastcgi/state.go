package fastcgi

// connState is the state of a connection. The open requests are in the request table.
type connState int

const (
	stateNew       connState = iota // no request is complete yet
	stateKept                       // the connection is kept for more requests
	stateClosing                    // will be closed when no request is open; refuses new ones
	stateBreaking                   // as stateClosing, with the mark of an incomplete response
	stateLingering                  // our side is closed; input is dropped until the peer closes
	stateLost                       // nothing more can be written
	stateCount
)

// connEvent changes the state of a connection.
type connEvent int

const (
	eventRequest   connEvent = iota // the variables of a request are complete
	eventEnd                        // a request has ended, and the connection is kept
	eventLastEnd                    // a request has ended, and the connection is not kept
	eventBrokenEnd                  // a request has ended with an incomplete response
	eventEmpty                      // no request is open
	eventLost                       // a write has failed, or Server.Close was called
	eventCount
)

// transitions has the next state for each state and event.
var transitions = [stateCount][eventCount]connState{
	// Request, End, LastEnd, BrokenEnd, Empty, Lost
	stateNew:       {stateKept, stateNew, stateClosing, stateBreaking, stateNew, stateLost},
	stateKept:      {stateKept, stateKept, stateClosing, stateBreaking, stateKept, stateLost},
	stateClosing:   {stateClosing, stateClosing, stateClosing, stateBreaking, stateLingering, stateLost},
	stateBreaking:  {stateBreaking, stateBreaking, stateBreaking, stateBreaking, stateLingering, stateLost},
	stateLingering: {stateLingering, stateLingering, stateLingering, stateLingering, stateLingering, stateLost},
	stateLost:      {stateLost, stateLost, stateLost, stateLost, stateLost, stateLost},
}

// after returns the state that follows s after event e.
func (s connState) after(e connEvent) connState { return transitions[s][e] }

// allowsRequests reports whether new requests may begin on the connection.
func (s connState) allowsRequests() bool { return s <= stateKept }
