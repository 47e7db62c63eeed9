// Package scgi serves an application over SCGI, and calls SCGI applications. SCGI is a protocol
// with one request per connection. nginx (scgi_pass), Apache (mod_proxy_scgi) and lighttpd
// (mod_scgi) support it.
//
// [Serve], [ListenAndServe] and [Server] answer requests with a gateway.App:
//
//	err := scgi.ListenAndServe("127.0.0.1:4000", app)
//
// [Client] is a gateway.Backend that calls an SCGI application.
package scgi
