// Package tour is the page of "cgikit demo": it deploys one application in four ways, and compares
// their responses.
//
// [Start] puts the application behind a FastCGI and an SCGI server, on unix sockets in a private
// folder where the system has them. For CGI it starts a program for every request, and for HTTP it
// calls the application directly. [Tour.ServeHTTP] is the web server in front of all four.
package tour
