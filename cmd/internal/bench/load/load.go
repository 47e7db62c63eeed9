// Package load asks servers for responses as fast as they give them, and takes less of the machine
// than any of them: one thread, no memory for a request, and only as much understanding of the
// protocol as finds the end of a response.
package load

import (
	"errors"
	"fmt"
)

// Answer follows what a server sends on one connection, and knows when a response is whole.
type Answer interface {
	// Take gets the next bytes.
	Take(p []byte) error
	// Next reports whether a response is whole, and begins to wait for another if it is.
	Next() bool
	// End is called when the server has closed the connection, where that ends the response. It
	// returns an error if the response is not whole, and else begins to wait for another.
	End() error
}

// Load is a request and where to send it.
type Load struct {
	Network, Addr string // "unix" or "tcp"
	Request       []byte
	Answer        func() Answer // for each connection

	// Reconnect has each request go over a connection of its own, which the server closes.
	Reconnect bool
}

var (
	errEarly    = errors.New("the server answered before it had read the request")
	errClosed   = errors.New("the server closed a kept connection")
	errTooShort = errors.New("the connection was closed before the response was whole")
)

// unexpected says what came in the place of the right response.
func unexpected(got []byte) error { return fmt.Errorf("the server sent %.200q", got) }
