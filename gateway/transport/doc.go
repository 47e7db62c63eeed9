// Package transport has the connection handling that the servers and clients of this module share.
// The author of a new protocol builds on it.
//
// A server has a [Conns], which accepts connections, checks and counts them, and closes them at
// shutdown. The author writes the function that serves one connection, and an [Exchange] helps with
// one request per connection. A [Socket] adds what the operating system offers beyond net.Conn. It
// also detects that the peer has gone, for the context of a request.
//
// A client dials with a [Dialer] and gets a [Call]: a connection with the timeouts of an exchange.
//
// The package knows no protocol. Addresses and listeners are in package listen.
package transport
