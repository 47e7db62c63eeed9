// Package gofastconn is for programs that use github.com/yookoala/gofast: it gives gofast v0.8.0 connections on which its traps are
// closed, and the pool and the deadlines of a fastcgi.Client.
//
//	client := &gofastconn.Client{Pool: &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock", MaxConns: 20}}
//	http.Handle("/", gofastconn.Handler(gofast.NewHandler(session, client.NewClient)))
//
// gofast asks for every connection to be kept. Whether one is, fastcgi.Client decides: by default none, as php-fpm needs it.
//
// In a program that makes its own clients, client.Connect takes the place of gofast.SimpleConnFactory. As a gateway.Backend, a Client
// sends requests by gofast and takes the responses itself. Who does not use gofast yet wants fastcgi.Client.
//
// # Traps of gofast, and what becomes of them
//
//   - A response whose application dies is a whole one to gofast. A line on STDERR says that it was cut off, and so does [Handler] to
//     the client. FCGI_OVERLOADED and its kin are responses with a 503 or 502.
//   - A line of the head of 1,024 bytes or more makes gofast hang. It is a 502, and under Handler it goes through.
//   - An application that answers without taking the body keeps gofast sending for ever. The connection ends behind the answer.
//   - The end of the request's context leaves gofast's goroutines and the connection behind. With NewClient it ends both, and the
//     application is told.
//   - gofast waits for no connection and no application. The fields of Pool bound every wait.
//   - Two requests at once on one of gofast's clients mix their responses, and Close during one ends the process. With NewClient each
//     request has a client of its own.
//   - A body that fails is sent as if it had ended there. The exchange is given up instead.
//   - gofast looks at no id, version or role of what comes back. All that is checked below it.
//
// # What remains of gofast
//
// Its parameters are a map: the order of the environ is lost, and of a name that is there twice only the last value is sent. A body
// goes out when 65,535 bytes of it are there or it has ended. A request costs about 200 KB and ten goroutines.
package gofastconn
