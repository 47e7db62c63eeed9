// Package scgi serves an application over SCGI, and calls SCGI applications. Each connection of
// SCGI has one request. nginx (scgi_pass), Apache (mod_proxy_scgi) and lighttpd (mod_scgi) support
// the protocol.
//
// [Serve], [ListenAndServe] and [Server] answer requests with a gateway.App:
//
//	err := scgi.ListenAndServe("127.0.0.1:4000", app)
//
// [Client] is a gateway.Backend that calls an SCGI application.
package scgi
