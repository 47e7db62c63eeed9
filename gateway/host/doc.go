// Package host is the web server's side of CGI, FastCGI and SCGI: what stands between an HTTP request and a gateway.Backend. A
// [Handler] is an http.Handler that answers with a backend:
//
//	http.Handle("/app/", &host.Handler{
//		Backend: &scgi.Client{Addr: "127.0.0.1:4000"},
//		Mount:   "/app",
//	})
//
// and with a folder of PHP files, for what a development server does:
//
//	&host.Handler{
//		Backend:   &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock"}, // keeps no connection: one would hold a worker
//		Root:      "/srv/www",
//		SplitPath: []string{".php"},
//		Index:     []string{"index.php"},
//		Next:      &host.Files{Root: "/srv/www"}, // the files that are no scripts
//	}
//
// A Handler is also a gateway.App, so that package launch and every server of this module can serve one: what comes in over
// FastCGI leaves over SCGI, under the same rules. A [Transport] is a Handler as an http.RoundTripper, for
// httputil.ReverseProxy. A [Spool] has a body complete before a backend is asked.
//
// # From the request to the backend
//
// The variables of RFC 3875 section 4.1 come from httpapp.MetaVariables, which says what becomes of a client's fields. A Handler
// adds those that backends expect of a web server, and removes what they must not hear from a client:
//
//	DOCUMENT_ROOT      Root
//	DOCUMENT_URI       SCRIPT_NAME and PATH_INFO; nginx's
//	PATH_TRANSLATED    Root and PATH_INFO, where both are there; it never leads out of Root
//	REDIRECT_STATUS    200, without which php-cgi refuses to run
//	REMOTE_HOST        REMOTE_ADDR, where that is an address
//	SCRIPT_FILENAME    the file of the script that was found below Root
//
//	HTTP_AUTHORIZATION         is removed unless PassAuthorization is set
//	HTTP_TRANSFER_ENCODING     is removed: the backend gets the body decoded
//	PHP_VALUE, PHP_ADMIN_VALUE are removed: who speaks FastCGI to us may not configure PHP
//
// Env is added last. It cannot set what says which request this is (CVE-2025-65082), and a client cannot set anything that
// does not begin with HTTP_ (CVE-2024-8927). A value that begins as a shell function does is refused (CVE-2014-6271).
//
// # The path
//
// The path of an HTTP request is read as nginx, Apache and lighttpd do. It is split where it was
// sent; empty segments and dot segments are taken out, and a path that leads above the root is a
// 400. Without SplitPath the backend is one application: SCRIPT_NAME is Mount, and PATH_INFO the
// rest, decoded. With it a script is looked for below Root, as [Scripts] says. A slash that the
// client encoded is then part of a name, which no file has: before the end of the script's name it
// is a 404. PATH_INFO is what follows the script, decoded, and brought into the same form by
// itself. REQUEST_URI is as sent. CONNECT is a 405.
//
// What a web server sent over FastCGI or SCGI stays as it is: it has read the path by its own
// rules. With SplitPath, or a Mount, SCRIPT_NAME and PATH_INFO are taken as one path, whose parts
// are found anew. Where neither was sent, DOCUMENT_URI or REQUEST_URI takes their place: see
// exchange.Complete.
//
// A [Files] finds the files of a folder by the same rules.
//
// # From the backend to the response
//
// The rules of package gateway apply: gateway.Response.Final says what of a head reaches the client, and gateway.Forward what
// becomes of a body that is longer or shorter than it was declared. Besides:
//
//   - A response without Content-Type gets none; X-Content-Type-Options: nosniff keeps browsers from guessing (CVE-2020-24553).
//   - A local redirect (RFC 3875 section 6.2.2: a Location that is a path, without Status and other fields) is answered by what
//     that path is answered with: a GET, or a HEAD for a HEAD, without body, that goes through resolution again. The 11th in a row
//     is a 502.
//   - X-Sendfile, X-Accel-Redirect and the other fields by which an application directs its web server
//     go to that server where one is in front: to what comes in over FastCGI, SCGI or CGI, and with
//     PassAccel over HTTP. Otherwise X-Accel-Redirect and X-Sendfile send a file where Offload allows
//     it, under the status of the response, X-Accel-Buffering: no keeps an answer from being read
//     ahead, and all of them are removed; a line in the log tells of those that had no effect. X-CGI
//     fields (section 6.3.5) are removed always.
//   - A backend that fails is answered by 502, 503 or 504 with a sentence that names the cause. The details go to the log only.
//     After the first byte the response is broken off, so that a client can see that it is not whole.
//
// # Slow clients
//
// A backend that answers a few requests at a time, as php-fpm with its children does, must not wait
// for clients. With [Handler.Buffer], which is off in the zero value, a request body is complete
// before the backend is asked, and an answer is read ahead of a client that is slow to take it;
// both wait in memory and then in temporary files, within [Handler.Budget]. A client that keeps up
// notices nothing: what a backend has flushed is sent at once. An answer with X-Accel-Buffering: no
// is not read ahead.
//
// Without Buffer a backend gets the body as it comes and may answer meanwhile. It must then not
// wait for a client that waits for it: see gateway.Forward for how long the head of such an answer
// is held.
//
// # What is logged
//
// What a backend writes to its error stream goes to ErrorLog line by line, with control characters escaped, and bounded. A
// failure is logged once. [Handler.Access] is told of each request when it is over: an access log and metrics hang there.
package host
