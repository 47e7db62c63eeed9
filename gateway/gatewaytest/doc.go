// Package gatewaytest is the conformance suite that every transport of cgikit passes, and that the author of another gateway
// can run against it.
//
// A [Transport] starts [App] behind the gateway under test and says at which HTTP address it can be reached; [Run] then sends
// the requests of every [Case] there and checks what comes back. A gateway that does not speak HTTP itself is put behind
// [FrontEnd], which needs a gateway.Backend that calls it. A front end may also be a real web server: this module's own tests
// run the suite through nginx, lighttpd and Apache. The Example is a whole transport with its test.
//
// Which case a request belongs to travels in the field X-Gatewaytest-Case, so one process, which may be a CGI program that is
// started for every request, serves all of them. App does what that field says, opens connections to ports of 127.0.0.1 that
// the request names, and panics on demand: it is not fit for the open network.
//
// Some Apps wait for the client, or report to it, over a connection beside the gateway, so that a case can say what had
// happened before what else: that a part arrived before the next was sent, that an App heard of its client's end. They do so
// from whatever process they run in.
//
// The rule of a case names its source. Letters with a number, such as C45 or F23, are the project's own list of requirements: C and
// A for the two sides of CGI, F for FastCGI, S for SCGI. The cases fail on purpose and say so at length: give the gateway under test
// an error stream that nobody reads. A TCP server that closes with unread input may reset its own response: close the writing side
// first, and read on.
//
// What a server cannot do is an [Exclusion], with its reason. An excluded case still runs, unless the server would not survive it,
// and fails the test when it begins to pass, so that the list stays true.
package gatewaytest
