// Package gateway is the core of cgikit: an application contract, and what turns an application into the answers of CGI,
// FastCGI, SCGI and HTTP.
//
// An [App] answers one request; it is what Python's wsgiref calls app(environ, start_response). A [Backend] performs one
// exchange as the web server's side. Everything in this module is one of the two, so everything composes: any way in, any way
// out. [BaseCGIHandler] runs an App for one request of a protocol that has an environment, an input stream and an output
// stream; a transport package decodes its protocol into those three and calls [BaseCGIHandler.Run].
//
// # The life of a request
//
// Run applies the environ rules, bounds the input stream to the body, calls the App, and completes the response under the
// response rules. They are the same for every transport.
//
// The environ rules: every variable that the web server sent is there, unchanged and in order, but for HTTP_PROXY, which is
// dropped (httpoxy), and HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH, which are folded into CONTENT_TYPE and CONTENT_LENGTH. A
// malformed CONTENT_LENGTH, two different ones, or an empty name are answered 400 without calling the App. A request without
// CONTENT_LENGTH has no body, unless the protocol's input ends by itself or HTTP_TRANSFER_ENCODING says "chunked", as under
// Apache's mod_cgi.
// Then the [Profiles] of known servers are applied, those only that are safe by default: today Apache's REDIRECT_ copy of
// Authorization, which adds a variable and changes none.
//
// The response rules:
//
//   - The head is committed when more than 4 KiB of body wait, at a file, at Flush, or when the App returns. Until then status
//     and fields may change, and a failure is still the error page: 500, text/plain, no diagnostics.
//   - A body that ends before that gets its Content-Length. One that the App declares is enforced: more is an error to the App
//     and not sent, less is a failure.
//   - HEAD has no body, and keeps its Content-Length. 204 and 304 have no body, no Content-Type and no Content-Length.
//   - Refused, and so a 500: control characters, names that are no token, a field Status, hop-by-hop fields, a malformed status.
//   - A response is never empty: an App that does nothing answers "200 OK" with Content-Length 0.
//   - A failure after the head was committed breaks the exchange so that the web server can notice; nothing is appended to the
//     body.
//   - Fields keep their order and their spelling. No Content-Type is invented.
//
// # Names
//
// "The web server" is the side that starts a request: nginx, Apache, or a client of this module. "Meta-variable" is RFC 3875's
// word for a CGI environment variable. These documents are cited by short names, here and in the other packages:
//
//	RFC 3875   The Common Gateway Interface (CGI) Version 1.1
//	FastCGI    FastCGI Specification, version 1.0, Open Market, 1996
//	SCGI       SCGI: A Simple Common Gateway Interface alternative, 2008
//	RFC 9110   HTTP Semantics; RFC 9112 is HTTP/1.1
//	RFC 3986   Uniform Resource Identifier (URI): Generic Syntax
//	RFC 6265   HTTP State Management Mechanism (cookies)
//	RFC 6266   Use of the Content-Disposition Header Field; RFC 8187 is the encoding of its parameters
//	wsgiref    Python's reference implementation of WSGI (PEP 3333)
//	PSGI       its like in Perl; Plack is the reference implementation. Rack is Ruby's
//
// A letter with a number, such as C42, A4, F18 or S6, is a line of testdata/requirements.txt, which tests and cases of the
// suite are named by: C and A for the two sides of CGI, F for FastCGI, S for SCGI.
//
// # From wsgiref
//
// Every name of Python's wsgiref has a counterpart here: testdata/wsgiref.txt lists them. Where a class is to be subclassed
// there, a field or a small interface is to be filled in here; BaseCGIHandler has an Example of each.
//
// # Imports
//
// This package imports neither net nor net/http: a CGI program is started anew for every request, and pays for what it links.
package gateway
