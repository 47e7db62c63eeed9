// Package scgi serves an application over SCGI, and calls applications that speak it: a protocol of one request per
// connection, which nginx (scgi_pass), Apache (mod_proxy_scgi) and lighttpd (mod_scgi) have built in.
//
// [Serve] and [Server] answer requests with a gateway.App. [Client] is a gateway.Backend.
//
// # What is accepted
//
// A request is a netstring that holds pairs of name NUL value NUL, and then the body. The first variable must be
// CONTENT_LENGTH, SCGI must be 1, and the netstring's length must be written in the one way there is. What is not SCGI has no
// answer: the connection is closed and one line logged. What is SCGI but bad is answered with a page: 400 for a malformed or
// contradictory CONTENT_LENGTH and for a variable without a name, 411 for an empty CONTENT_LENGTH, 413 and 431 for what is
// over a limit, 503 over MaxConns and MaxRequests.
//
// Names that occur twice are kept, and the last counts, where the specification (SCGI section 3) forbids them: nginx sends
// a parameter and its override as two.
//
// # The end of a response
//
// SCGI ends a response by closing the connection. So a response that fails after its head was sent must not end that way, or a
// part would pass for the whole: the connection is reset. Over TCP that is SO_LINGER 0. Linux resets a unix socket only if
// input is unread, so the request's last byte stays unread until the response is complete. On other systems a unix socket
// cannot be reset, and there only a Content-Length shows what is missing.
//
// A response that is complete is never reset: where the peer has sent more than the App has read, the writing side is closed,
// and the rest read and thrown away, for 30 seconds, 5 without a byte, or 256 MiB at most.
//
// # The body comes first
//
// An App should read what it needs of the body before its answer grows over 4 KiB or is flushed. nginx 1.22 sends no more of
// a body once the answer has begun, so that an App which copies a large body to its answer waits until ReadTimeout. What an
// App leaves unread does no harm.
//
// # A peer that goes away
//
// The context of a request ends when the web server closes its connection, which servers do when their client went away. That
// is watched on Linux only, and only once the App has asked for Context().Done(). A unix socket tells a close from a
// half-close, which socat does behind its request while it waits for the answer. TCP does not, and there both end the context,
// as in net/http; the response is sent in either case. On other systems, and without Done, a failing Write tells.
package scgi
