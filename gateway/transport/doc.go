// Package transport is what the servers and clients of this module are built on, for the author of
// a new protocol.
//
// A server keeps a [Conns], which accepts connections, checks and counts them, and ends them at
// shutdown; the author writes what is done with one connection. A [Socket] is what the system can
// do with a connection beyond net.Conn. It is also the Watcher of a gateway.RequestContext, the
// context of one request, which costs nothing until it is asked for.
//
// A client dials with a [Dialer], which gives it a [Call]: a connection with the timeouts of an
// exchange.
//
// The package knows no protocol. Addresses and listeners are in package listen.
package transport
