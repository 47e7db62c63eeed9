// Package client performs the exchanges of fastcgi.Client, which documents what they do.
//
// An exchange goes through these files in this order:
//
//	client.go    RoundTrip: one attempt, or two
//	message.go   the request as bytes, but for a body that is sent beside the reading of the response
//	pool.go      a connection that no other exchange uses; idle.go closes those that are kept for too long
//	mux.go       or a share of one: shared.go is the connection, stream.go the share
//	roundtrip.go sends the request and reads the response
//	body.go      sends the body beside that
//	stdout.go    reads the records of the response
//	response.go  ends the body where the response is complete
//	state.go     says when the exchange is over, and whether its connection can be used again
package client
