// Package nethttp serves a gateway.App over FastCGI with the standard library's net/http/fcgi. That
// package decodes the records of the web server and encodes those of the response.
//
//	server := &nethttp.Server{App: app, Addr: "unix:/run/app.sock?group=www-data"}
//	err := server.ListenAndServe()
//
// [Server] has fields and methods of fastcgi.Server, and lists what it cannot do. It is slower than
// fastcgi.Server; `go run ./cmd/internal/bench engines` measures both. Use it if a
// policy demands the standard library, or to find out whether fastcgi.Server causes a fault.
package nethttp
