// Package fastcgi answers FastCGI requests, as nginx, Apache, lighttpd, Caddy or HAProxy send them, with a gateway.App.
//
//	l, err := net.Listen("tcp", "127.0.0.1:9000")
//	...
//	err = fastcgi.Serve(l, app)
//
// [Serve] is the short form; [StdServer] has limits, timeouts and a graceful end. [Client] is the other side: a gateway.Backend that calls
// FastCGI applications, such as php-fpm.
//
// # What StdServer does
//
// StdServer runs on the standard library's net/http/fcgi, which makes a goroutine for each request and frames its response. Around
// that it puts a connection of its own, through which net/http/fcgi gets each request only when that is complete and within the limits, and
// without the client's data. So there is what net/http/fcgi alone does not have:
//
//   - the whole environ, byte for byte and in order, SCRIPT_NAME and PATH_INFO among it;
//   - a response as the App set it: order, reason phrase, no body to HEAD, a head that Flush sends at once;
//   - FCGI_STDERR: [gateway.Request.Stderr] goes to the web server's error log, also from several goroutines at the same time;
//   - a context that ends when the web server aborts the request (FastCGI section 5.4) or closes the connection;
//   - a body that is an error to the App when it was cut off, and a response that is seen to be cut off when the App failed;
//   - a panic that costs one request;
//   - bounds on variables, requests, connections and time, each with the protocol's own answer;
//   - GET_VALUES answered truly, Shutdown, and an Accept that outlives a shortage of files.
//
// Several requests may be under way on one connection. The appStatus of a whole response is always 0.
//
// # What it cannot do
//
// Limits of this engine, and not of FastCGI:
//
//   - Speed. net/http/fcgi allocates 64 KiB for each response and again for each connection, and copies every record. Files are
//     copied, never sent by sendfile(2).
//   - A body record waits for the App once 64 KiB are unread. While the connection's reader waits so, it sees neither other requests
//     of this connection nor that the web server aborted or went away.
//   - Response bytes wait in a buffer of 64 KiB for Flush or the end of the response.
//   - Only the responder role; authorizers and filters are told FCGI_UNKNOWN_ROLE.
//
// # Peers
//
// Who can connect can claim to be anybody: the variables are the web server's word. Listen on loopback or on a unix socket, or say
// who may connect with AllowedPeers.
//
// A peer that breaks the protocol is disconnected, with one log line that says why: a version other than 1, a length that does not
// fit, an application record for request 0, a request begun twice, a body before the end of the variables. Records of requests that
// are not open, and types that a responder does not know, mean nothing. Two things are taken in a wide sense: a name that comes twice
// stays twice, as nginx sends a setting and its override, and a web server that has closed its sending side still gets its responses
// if it reads them, though the contexts of their requests have ended.
//
// # The wire
//
// [ParseHeader], [AppendRecord], [AppendPair], [CutPair] and their kin read and write the protocol itself. They are functions of
// bytes alone, for clients and tools.
package fastcgi
