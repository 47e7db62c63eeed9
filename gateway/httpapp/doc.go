// Package httpapp connects net/http and package gateway in both directions. [New] makes any
// http.Handler an App, which then runs under CGI, FastCGI and SCGI:
//
//	err := fastcgi.ListenAndServe("unix:/run/app.sock", httpapp.New(http.DefaultServeMux))
//
// [Handler], and [AppHandler] with settings, make any App an http.Handler, as wsgiref's
// simple_server does for a WSGI application. [ListenAndServe] serves an App over HTTP in one call,
// and [Server] does so with limits, timeouts and a graceful shutdown. Package gateway/demo has an
// App to try. [MetaVariables] translates an HTTP request into the variables of an App.
package httpapp
