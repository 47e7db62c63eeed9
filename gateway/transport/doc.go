// Package transport has the connection handling that the servers and clients of this module share.
// The author of a new protocol builds on it.
//
// A server keeps a [Conns], which accepts connections, checks and counts them, and closes them at
// shutdown. The author writes the function that serves one connection. A [Socket] adds what the
// operating system offers beyond net.Conn. It is also the Watcher of a gateway.RequestContext, the
// context of one request, which costs nothing until it is used.
//
// A client dials with a [Dialer] and gets a [Call]: a connection with the timeouts of an exchange.
//
// The package knows no protocol. Addresses and listeners are in package listen.
package transport
