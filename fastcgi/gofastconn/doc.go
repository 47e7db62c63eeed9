// Package gofastconn provides connections for programs that use github.com/yookoala/gofast v0.8.0.
// The connections avoid the known faults of gofast, and use the pool and the timeouts of a
// fastcgi.Client. A program that does not use gofast yet should call fastcgi.Client directly.
//
//	client := &gofastconn.Client{Pool: &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock", MaxConns: 20}}
//	http.Handle("/", gofastconn.Handler(gofast.NewHandler(session, client.NewClient)))
//
// In a program that makes its own clients, [Client.Connect] replaces gofast.SimpleConnFactory. As a
// gateway.Backend, a [Client] sends requests through gofast and reads the responses itself.
// [Handler] lets the HTTP client see that a response was cut off.
package gofastconn
