// Package fastcgi answers FastCGI requests, as nginx, Apache, lighttpd, Caddy or HAProxy send them,
// with a gateway.App.
//
//	server := &fastcgi.Server{App: app, Addr: "unix:/run/app.sock?group=www-data"}
//	err := server.ListenAndServe()
//
// [ListenAndServe] and [Serve] are short forms of [Server]. [Client] is the other side: a
// gateway.Backend that calls FastCGI applications, such as php-fpm. [Authorizer] and [Filter] are
// the roles besides the responder.
//
// Package nethttp has a Server with the same fields and methods over the standard library's
// net/http/fcgi; its documentation says what that cannot do. Package wire reads and writes the
// protocol itself.
package fastcgi
