// Package nethttp serves a gateway.App over FastCGI with the standard library's net/http/fcgi on
// the wire: that package reads the records that the web server sends, and writes every byte of a
// response.
//
//	server := &nethttp.Server{App: app, Addr: "unix:/run/app.sock?group=www-data"}
//	err := server.ListenAndServe()
//
// [Server] has the fields and methods of fastcgi.Server, which is complete and several times
// faster. Use this one where the standard library must be on the wire, or to find out whether a
// fault is that of fastcgi.Server.
package nethttp
