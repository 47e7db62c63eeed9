// Package fastcgi answers FastCGI requests, as nginx, Apache, lighttpd, Caddy or HAProxy send them, with a gateway.App.
//
//	server := &fastcgi.Server{App: app, Addr: "unix:/run/app.sock?group=www-data"}
//	err := server.ListenAndServe()
//
// [Client] is the other side: a gateway.Backend that calls FastCGI applications, such as php-fpm.
//
// # Server
//
// [Server] is an engine of its own; it does not use net/http. It has:
//
//   - the whole environ, byte for byte and in order, SCRIPT_NAME and PATH_INFO among it;
//   - a response as the App set it: order, reason phrase, no body to HEAD, a head that Flush sends at once;
//   - FCGI_STDERR: [gateway.Request.Stderr] goes to the web server's error log, also from several goroutines at the same time;
//   - a context that ends when the web server aborts the request (FastCGI section 5.4) or closes the connection;
//   - a body that is an error to the App when it was cut off, and a response that is seen to be cut off when the App failed;
//   - several requests on one connection at the same time, and a panic that costs one of them;
//   - bounds on variables, requests, connections and time, each with the protocol's own answer;
//   - GET_VALUES answered truly, Shutdown, and an Accept that outlives a shortage of files;
//   - one read and one write for a small request, and no goroutine of its own: a request runs on the goroutine that has read it. When
//     it lasts over a millisecond, waits for its body or asks for the end of its context, another goroutine goes on reading;
//   - files by sendfile(2), and large slices from where they are;
//   - bodies that hold nobody up. Of one that its App does not read, 256 KiB are held. A request that is alone on its connection is
//     then simply not read on; where the connection has had two at once, or the web server has asked whether it may, the rest goes
//     to a temporary file without a name;
//   - the other roles, as [Authorizer] and [Filter];
//   - [SetAppStatus].
//
// Package nethttp has a Server with the same fields and methods over the standard library's net/http/fcgi. Its documentation says what
// that cannot do; `go run ./testdata/bench/fastcgi engines` measures both.
//
// # The body comes first
//
// An App should read what it needs of the body before its answer grows over 4 KiB or is flushed. nginx 1.22 sends no more of a
// body once the answer has begun, so that an App which copies a large body to its answer waits until ReadTimeout, and its response
// is broken then. What an App leaves unread does no harm.
//
// # Peers
//
// Who can connect can claim to be anybody: the variables are the web server's word. Listen on loopback or on a unix socket, or say
// who may connect with AllowedPeers.
//
// A peer that breaks the protocol is disconnected, with one log line that says why: a version other than 1, a length that does not
// fit, an application record for request 0, a request begun twice, a body before the end of the variables. Records of requests that
// are not open, and types that an application does not know, mean nothing. Two things are taken in a wide sense: a name that comes
// twice stays twice, as nginx sends a setting and its override, and a web server that has closed its sending side still gets its
// responses if it reads them, though the contexts of their requests have ended.
//
// The protocol has no flow control for each request: a web server that does not read one response keeps the others of that connection
// waiting, and no other connection.
//
// # The wire
//
// Package fastcgi/wire reads and writes the protocol itself.
package fastcgi
