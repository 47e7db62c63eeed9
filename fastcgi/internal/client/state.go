package client

// state is the state of an exchange. The request and the response may end in either order: an
// application may answer before it has read the request, and it may read the request long before it
// answers. In the last two states the exchange is over, and its connection was returned.
type state uint8

const (
	sending     state = iota // neither the request nor the response is complete
	sendingLast              // as sending, and the write that ends the request is under way
	sent                     // the request is sent, the response is not complete
	// the application has stopped reading the request, the response is not complete
	stopped
	answered     // the response is complete, the request is being sent
	answeredLast // as answered, and the write that ends the request is under way
	complete     // both are complete: the connection can be used again
	broken       // the connection cannot be used again
	numStates
)

// event changes the state of an exchange.
type event uint8

const (
	writesLast  event = iota // the write that ends the request begins
	sendsAll                 // the request is sent
	sendsPart                // the application has stopped reading the request
	receivesEnd              // FCGI_END_REQUEST completes the response
	fails                    // the exchange has failed, or its context has ended
	closesBody               // the caller has closed the response
	numEvents
)

// transitions has the next state for each state and event.
//
// If the response is complete before the request is sent, the sending continues: the application
// may have answered early and still read the rest, and then the connection can be used again. The
// sending stops when the caller closes the response, except that a last write under way is awaited:
// an application that counts bytes may answer before that write has returned.
var transitions = [numStates][numEvents]state{
	sending:      {writesLast: sendingLast, sendsAll: sent, sendsPart: stopped, receivesEnd: answered, fails: broken, closesBody: broken},
	sendingLast:  {writesLast: sendingLast, sendsAll: sent, sendsPart: stopped, receivesEnd: answeredLast, fails: broken, closesBody: broken},
	sent:         {writesLast: sent, sendsAll: sent, sendsPart: sent, receivesEnd: complete, fails: broken, closesBody: broken},
	stopped:      {writesLast: stopped, sendsAll: stopped, sendsPart: stopped, receivesEnd: broken, fails: broken, closesBody: broken},
	answered:     {writesLast: answeredLast, sendsAll: complete, sendsPart: broken, receivesEnd: answered, fails: broken, closesBody: broken},
	answeredLast: {writesLast: answeredLast, sendsAll: complete, sendsPart: broken, receivesEnd: answeredLast, fails: broken, closesBody: answeredLast},
	complete:     {complete, complete, complete, complete, complete, complete},
	broken:       {broken, broken, broken, broken, broken, broken},
}

// over reports whether the exchange is over.
func (s state) over() bool { return s >= complete }
