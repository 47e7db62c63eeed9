// Package nethttp serves a gateway.App over FastCGI with the standard library's net/http/fcgi on the wire: that package
// reads the records that the web server sends, and writes every byte of a response.
//
//	server := &nethttp.Server{App: app, Addr: "unix:/run/app.sock?group=www-data"}
//	err := server.ListenAndServe()
//
// [Server] has the fields and methods of fastcgi.Server, which is complete and several times faster. Take this one where
// the standard library must be on the wire, or to find out whether a fault is that of fastcgi.Server.
//
// # How it works
//
// net/http/fcgi hides SCRIPT_NAME, PATH_INFO and ten more variables from its handler, ends the process when a handler
// panics, has no limits, and cannot be stopped. Server does not replace it. It gives net/http/fcgi a connection that
// watches the records that pass through it in both directions:
//
//   - A request is held back until its PARAMS and the first record of its STDIN have come, which is when net/http/fcgi
//     would call its handler. Then its records are passed on as they came, and one more PARAMS record just before the end of
//     the PARAMS: by its only variable the handler finds what the watch knows about the request, such as its exact environ.
//     The last of several variables of one name counts, so that a peer cannot forge it.
//   - A request that breaks the protocol or a limit is never passed on. The watch answers it.
//   - ABORT_REQUEST ends the context of the request. net/http/fcgi would end the request at once while its handler still
//     runs, so it gets the end of STDIN in place of the ABORT_REQUEST. The request ends when its App has returned, and its
//     id cannot be used again earlier.
//   - The connection is read ahead, by up to 256 KiB that net/http/fcgi has not taken. While so much waits, the end of the
//     connection is still noticed (on Linux), but an ABORT_REQUEST only later.
//   - After the failure of a response whose head was sent, its end is not: the connection is broken visibly, as
//     fastcgi.Server does it.
//
// # What net/http/fcgi cannot do
//
//   - The reason phrase is that of http.StatusText. Fields are sorted by name, and a Date is added.
//   - There is no FCGI_STDERR: [gateway.Request.Stderr] is the process's own standard error, and a failure of an App goes
//     to ErrorLog. The application status is always 0.
//   - A request without REQUEST_METHOD or with a malformed SERVER_PROTOCOL is answered 500 before the App is asked. So are
//     some requests with a malformed CONTENT_LENGTH, REQUEST_URI or HTTP_HOST.
//   - An App is called when the first record of the request's STDIN is there, and not already at the end of its PARAMS.
//   - A body record is passed on when the App reads it. Until then, no other request of that connection begins.
//   - Files are copied. Each response has a buffer of 64 KiB, and each connection another.
//   - A response takes two writes at least. All records are padded, so that nginx holds a flushed head back until a part of
//     the body follows.
//   - GET_VALUES is answered with FCGI_MPXS_CONNS alone, and an unknown management record not at all.
//   - Only the role of a responder is known; authorizers and filters are told FCGI_UNKNOWN_ROLE.
package nethttp
