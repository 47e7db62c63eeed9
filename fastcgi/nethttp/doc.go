// Package nethttp serves a gateway.App over FastCGI with the standard library's net/http/fcgi: that
// package decodes the records of the web server, and encodes every byte of a response.
//
//	server := &nethttp.Server{App: app, Addr: "unix:/run/app.sock?group=www-data"}
//	err := server.ListenAndServe()
//
// [Server] has the fields and methods of fastcgi.Server, which is complete and several times
// faster. Use this one if the standard library must do the encoding, or to find out whether
// fastcgi.Server causes a fault.
package nethttp
