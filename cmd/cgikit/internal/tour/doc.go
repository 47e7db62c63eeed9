// Package tour is what "cgikit demo" shows: one application deployed in four ways at once, and a
// page that lays their answers side by side.
//
// [Start] puts the application behind a FastCGI and an SCGI server, on sockets that nobody else can
// reach where the system has such; as a CGI program it is started anew for every request, and in
// this process it is called directly. [Tour.ServeHTTP] is the web server in front of all four.
package tour
