// Package client performs the exchanges of fastcgi.Client, which documents what they do.
//
// An exchange goes through these files in this order:
//
//	client.go    RoundTrip: makes one attempt, or two
//	message.go   encodes the request, except a body that is sent while the response is read
//	pool.go      provides a connection for one exchange; idle.go closes idle ones
//	mux.go       or provides a stream of a shared connection (stream.go, shared.go)
//	roundtrip.go sends the request and reads the response
//	body.go      sends the body meanwhile
//	stdout.go    reads the records of the response
//	response.go  ends the body when the response is complete
//	state.go     decides when the exchange is over, and whether its connection can be used again
package client
