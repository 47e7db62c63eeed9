// Package fastcgi answers the FastCGI requests of nginx, Apache, lighttpd, Caddy or HAProxy with a
// gateway.App.
//
//	server := &fastcgi.Server{App: app, Addr: "unix:/run/app.sock?group=www-data"}
//	err := server.ListenAndServe()
//
// [ListenAndServe] and [Serve] are short forms of [Server]. [Client] is the other side: a
// gateway.Backend that calls FastCGI applications, such as php-fpm. An application has the role
// responder: it answers requests. [Authorizer] and [Filter] are the two other roles.
//
// Package nethttp has a Server with the same fields and methods, which uses the standard library's
// net/http/fcgi. Its documentation lists what that cannot do. Package wire encodes and decodes the
// protocol.
package fastcgi
