// Package exchange has the rules of the web server's side. Package host, the CGI backends of
// package cgi, and the clients of packages fastcgi and scgi share them:
//
//   - how the target of a request becomes the variables SCRIPT_NAME, PATH_INFO and REQUEST_URI;
//   - how a path becomes a file or a script below a folder, and which symbolic links are followed;
//   - that a body ends with its Content-Length;
//   - how a body is buffered in memory and then in a temporary file, within a budget;
//   - how requests wait in a queue for a free slot.
//
// Programs that serve or call applications use it only through fields of those packages. It imports
// no network package, so that a CGI program can link it.
package exchange
