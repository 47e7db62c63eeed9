// Package gofastconn is for programs that use github.com/yookoala/gofast. It gives gofast v0.8.0
// connections that avoid its known faults, with the pool and the deadlines of a fastcgi.Client.
// A program that does not use gofast yet should call fastcgi.Client itself.
//
//	client := &gofastconn.Client{Pool: &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock", MaxConns: 20}}
//	http.Handle("/", gofastconn.Handler(gofast.NewHandler(session, client.NewClient)))
//
// In a program that makes its own clients, [Client.Connect] takes the place of
// gofast.SimpleConnFactory. As a gateway.Backend, a [Client] sends requests by gofast and reads the
// responses itself. [Handler] makes a response that was cut off visible to the client.
package gofastconn
