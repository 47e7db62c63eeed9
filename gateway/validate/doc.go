// Package validate checks both sides of the contract between a gateway and an application while requests are answered: what
// Python's wsgiref.validate, Plack::Middleware::Lint and Rack::Lint do, and what none of them looks at.
//
// [New] wraps an App: between a gateway under development and any App it judges the gateway, the environ and the streams;
// between any gateway and an App under development it judges the App, its status, fields, body and calls. [Handler] does the
// same for an http.Handler. Neither costs anything where it is not used; where it is, a small request takes at most three
// times as long.
//
// What is right passes through unchanged: files still go by sendfile(2), Flush flushes, and the request's context is not asked
// for anything. What is wrong becomes a [Violation], reported once for each rule and request. An error fails the request, as
// [Options] say; a warning never does. Warnings are about what works here and not everywhere, about what the web server or its
// client may be to blame for, and about what Go programmers expect and WSGI forbids, such as a Write before Start.
//
// The package is for development and tests. It imports net/http, which a CGI program that goes without should know.
//
// # When the head is judged
//
// Fields may change until the head is committed, so they are looked at when it is about to be: more than 4 KiB of body wait, a
// file comes, Flush is called or the App returns. What a gateway refuses by itself is an error here too, and found earlier.
// Not judged is the response of an App that returns an error or panics: the client gets another one.
//
// # What Go makes needless
//
// The other three spend many checks on types, on the number of arguments, on the methods that a stream has and on iterators
// that nobody closed. The compiler has done those, and an App has no iterator. Flags such as wsgi.run_once are fields, which
// cannot be missing. start_response may be called again here, so that a second Start is no fault before the head is committed.
//
// # What it does not see
//
// A missing Content-Type is reported only for a response with a body, as RFC 3875 has it; wsgiref reports it for every status
// but 204 and 304. A use of the Environ after the App has returned is not seen: unlike the streams, it is no interface that a
// check could stand in for.
//
// # An http.Handler
//
// What is natural in net/http is no violation of a handler: an implicit 200, a handler that does nothing, a missing
// Content-Type, which is sniffed, and fields changed behind WriteHeader. 1xx responses and hop-by-hop fields are reported,
// although net/http takes them, because a gateway has to drop them; a response whose connection was hijacked is not checked.
// The request is judged by the meta-variables that [httpapp.MetaVariables] makes of it.
//
// # The rules
//
// wsgiref, Plack and Rack name the checkers above.
//
//	environ.name                     gateway  error
//		the name of a variable is not empty and holds no "=" and no NUL (RFC 3875 section 4.1, SCGI section 3)
//	environ.value                    gateway  error
//		the value of a variable holds no NUL (SCGI section 3)
//	environ.request-method           gateway  error
//		REQUEST_METHOD is set and a token (RFC 3875 section 4.1.12)
//	environ.unusual-method           gateway  warning
//		REQUEST_METHOD is a method that is registered (RFC 9110 section 16.1.1)
//	environ.script-name              gateway  error
//		SCRIPT_NAME is empty, or begins with a slash and is not "/" (RFC 3875 section 4.1.13, wsgiref)
//	environ.script-name-missing      gateway  warning
//		SCRIPT_NAME is set, if only to nothing (RFC 3875 section 4.1.13)
//	environ.path-info                gateway  error
//		PATH_INFO is empty or begins with a slash (RFC 3875 section 4.1.5)
//	environ.path-info-missing        gateway  error
//		PATH_INFO is set where SCRIPT_NAME is empty (wsgiref, Rack::Lint)
//	environ.path-info-encoded        gateway  error
//		PATH_INFO is decoded, where REQUEST_URI is not (RFC 3875 section 4.1.5)
//	environ.request-uri              gateway  warning
//		SCRIPT_NAME and PATH_INFO are the path of REQUEST_URI, decoded once (RFC 3875 section 3.3)
//	environ.request-target           gateway  warning
//		REQUEST_URI is a request target, in a form that suits the method (RFC 9112 section 3.2)
//	environ.query-string             gateway  warning
//		QUERY_STRING is encoded: no space, control character or "#" (RFC 3875 section 4.1.7)
//	environ.query-string-missing     gateway  warning
//		QUERY_STRING is set, if only to nothing (RFC 3875 section 4.1.7)
//	environ.server-name              gateway  warning
//		SERVER_NAME is a host name, an IPv4 address, or an IPv6 address in brackets (RFC 3875 section 4.1.14)
//	environ.server-name-missing      gateway  error
//		SERVER_NAME is set (RFC 3875 section 4.1.14)
//	environ.server-port              gateway  error
//		SERVER_PORT is set and a number up to 65535 (RFC 3875 section 4.1.15)
//	environ.server-protocol          gateway  error
//		SERVER_PROTOCOL is a protocol and its version, or "INCLUDED" (RFC 3875 section 4.1.16)
//	environ.server-protocol-missing  gateway  warning
//		SERVER_PROTOCOL is set (RFC 3875 section 4.1.16)
//	environ.gateway-interface        gateway  warning
//		GATEWAY_INTERFACE, where it is set, is "CGI/" and a version (RFC 3875 section 4.1.4)
//	environ.remote-addr              gateway  warning
//		REMOTE_ADDR, where it is set, is an address without brackets and port, or nginx's "unix:" (RFC 3875 section 4.1.8)
//	environ.content-length           gateway  error
//		CONTENT_LENGTH is empty or digits that fit 63 bits (RFC 3875 section 4.1.2)
//	environ.http-content             gateway  error
//		there is no HTTP_CONTENT_TYPE and no HTTP_CONTENT_LENGTH (RFC 3875 section 4.1.18, wsgiref)
//	environ.http-proxy               gateway  error
//		there is no HTTP_PROXY: programs take it for a setting (CVE-2016-5386)
//	environ.http-host                gateway  warning
//		HTTP_HOST is empty, or a host with or without a port (RFC 9110 section 7.2)
//	request.incomplete               gateway  error
//		no part of the request is nil (gateway.Request, wsgiref)
//	request.scheme                   gateway  error
//		Scheme is "http" or "https" (gateway.Request, wsgiref)
//	stdin.count                      gateway  error
//		Read returns at most as many bytes as were asked for (io.Reader)
//	stdin.long                       gateway  error
//		Stdin ends behind CONTENT_LENGTH bytes (RFC 3875 section 4.2)
//	stdin.short                      gateway  error
//		a body that ends before CONTENT_LENGTH bytes ends in an error other than io.EOF (gateway.Request)
//	stdin.revived                    gateway  error
//		Stdin that has ended gives no byte more (io.EOF)
//	stderr.count                     gateway  error
//		Write to Stderr takes all bytes or returns an error (io.Writer)
//	writer.count                     gateway  error
//		Write to the ResponseWriter takes all bytes or returns an error (io.Writer)
//	stdin.past-end                   app      warning
//		Stdin is not read again once it has ended (RFC 3875 section 4.2)
//	request.after-return             app      error
//		Stdin and Stderr are not used once the App has returned (gateway.App)
//	response.start-missing           app      warning
//		Start comes before Write and Flush (wsgiref)
//	response.silent                  app      warning
//		an App starts a response (wsgiref)
//	response.status                  app      error
//		the status is three digits from 100 up, a space and a reason without control characters (RFC 9112 section 4)
//	response.status-class            app      warning
//		the status is below 600 (RFC 9110 section 15)
//	response.interim                 app      warning
//		the status is no 1xx, which cannot travel in CGI (RFC 3875 section 6.3.3)
//	response.start-after-head        app      error
//		Start comes before the head is committed (gateway.ResponseWriter)
//	response.field                   app      error
//		the name of a field is a token, its value without control characters (RFC 9110 section 5)
//	response.field-name              app      warning
//		the name of a field is a letter, then letters, digits, - and _, the last two not at the end (wsgiref, Plack)
//	response.field-value             app      warning
//		the value of a field is visible ASCII and spaces (RFC 9110 section 5.5, wsgiref)
//	response.status-field            app      error
//		there is no field Status: Start sets it (RFC 3875 section 6.3.3)
//	response.hop-by-hop              app      error
//		there is no field that concerns one connection alone (RFC 9110 section 7.6.1)
//	response.repeated-field          app      error
//		Content-Type and Location come once at most (RFC 3875 section 6.3)
//	response.content-type            app      error
//		a response with a body has a Content-Type (RFC 3875 section 6.3.1)
//	response.entity-field            app      error
//		204 and 304 have no Content-Type and no Content-Length (RFC 9110 sections 8.6 and 15.4.5)
//	response.content-length          app      error
//		there is at most one Content-Length, of digits that fit 63 bits (RFC 9110 section 8.6)
//	response.length-mismatch         app      error
//		the body has the length that Content-Length declares (RFC 9110 section 8.6)
//	response.head-body               app      warning
//		no body is written in answer to HEAD (RFC 3875 section 4.3.2)
//	response.body-not-allowed        app      error
//		no body is written with 204 and 304 (RFC 9110 section 6.4.1)
//	response.fields-after-head       app      warning
//		fields are not changed once the head is committed (gateway.ResponseWriter)
//	response.concurrent              app      error
//		the ResponseWriter is used by one goroutine at a time (gateway.ResponseWriter)
//	response.after-return            app      error
//		the ResponseWriter is not used once the App has returned (gateway.App)
package validate

//go:generate go test -run TestTheDocumentationHasTheRules -update
