// Package httpapp joins net/http and package gateway, both ways: [New] makes any http.Handler an App, which then runs under
// CGI, FastCGI and SCGI; [Handler] makes any App an http.Handler, which is what wsgiref's simple_server does for a WSGI
// application. [ListenAndServe] serves an App over HTTP in one call, and [Server] is that with limits, timeouts and a graceful
// end; package gateway/demo has an App to try them with. [MetaVariables] is the translation of a request behind the second.
//
// # A handler as an App
//
// The handler gets the request that net/http's own server would have made of what the client sent. This is where
// net/http/cgi and net/http/fcgi, whose child sides do the same job, give another answer or none:
//
//   - URL comes from REQUEST_URI and has neither scheme nor host, unless the client sent the absolute form; "*" and a CONNECT
//     authority are understood, and RequestURI is set. Where REQUEST_URI is missing or cannot be parsed, SCRIPT_NAME,
//     PATH_INFO and QUERY_STRING take its place; they are also used for a server-side include, where REQUEST_URI is that of
//     the page around it. A query that REQUEST_URI lacks (Tomcat) comes from QUERY_STRING.
//   - URL.Path is the whole path that the client asked for: SCRIPT_NAME is not taken off it, whatever a server's Mount says. A
//     mux that is mounted at /app has patterns that begin with "/app/", or stands below one that has:
//     top.Handle("/app/", http.StripPrefix("/app", mux)). Its own redirects must then name the mount.
//   - Host is SERVER_NAME and SERVER_PORT where there is no HTTP_HOST. A malformed HTTP_HOST is answered 400.
//   - TLS is not nil for https, however the web server says it. It knows nothing but that the handshake was completed.
//   - RemoteAddr is a host and a port, or what the web server put in the place of an address, such as nginx's "unix:".
//   - Header has each field once. HTTP_PROXY is no field (httpoxy), and where a variable was sent twice the last one counts.
//   - ContentLength is -1 where the length is unknown: also for a POST without CONTENT_LENGTH, whose body may turn out empty.
//     GET, HEAD, OPTIONS and TRACE have no body then. A body that ends early is io.ErrUnexpectedEOF, one that is over the
//     server's limit an *http.MaxBytesError. Reading after the handler returned fails.
//   - The context ends when the web server aborts the request or goes away, if the transport can see that.
//
// The ResponseWriter is an http.Flusher, an io.ReaderFrom that lets http.ServeContent send files by sendfile(2), and an
// io.StringWriter. As in net/http, a missing Content-Type is sniffed, a second WriteHeader is ignored with a line on the error
// stream, and http.ErrAbortHandler breaks the response. What CGI cannot carry is dropped: 1xx responses, trailers and
// hop-by-hop fields, and a field Status. Names that are no token are dropped, and a control character in a value becomes a
// space. Fields are sent sorted by name. The Date is left to the web server.
//
// http.ResponseController supports Flush and EnableFullDuplex, which has nothing to do: the transports allow it as far as they
// can. CGI does not: the body is read before the first output, as nginx too stops sending it once an answer begins. It
// returns http.ErrNotSupported for Hijack and for deadlines, which belong to the transport's server.
//
// # An App as a handler
//
// [AppHandler] describes the request by meta-variables as RFC 3875 section 4.1 asks, and answers under the rules of package
// gateway. Some of what an App can say is lost in net/http: the reason phrase, the spelling of field names, and the order of
// fields. net/http adds the Date; it does not sniff a Content-Type here.
//
// A head is bounded as wsgiref's simple_server bounds it: a request target over 64 KiB is answered 414, too many fields 431. Over
// http.Server.MaxHeaderBytes, which [Server.MaxParamsBytes] sets, net/http itself answers 431, whatever it was that was too
// long.
//
// wsgiref's simple_server does some of this otherwise: it sends a body in answer to HEAD, has no REQUEST_URI, invents a
// CONTENT_TYPE text/plain, joins repeated fields without a space, lets a field X_A into X-A's variable and Proxy into HTTP_PROXY,
// takes an absolute-form target for a path, collapses slashes at the beginning of PATH_INFO, and serves one request at a time.
//
// net/http.ServeMux cleans paths before a handler sees them. An App that is to see repeated slashes has to be the server's own
// handler, with [AppHandler.Mount] where it is not at the root.
package httpapp
