// Package exchange has the rules of a web server. Package host, the CGI backends of package cgi,
// and the clients of packages fastcgi and scgi share them in the role of the web server.
//
//   - A request target becomes the variables SCRIPT_NAME, PATH_INFO and REQUEST_URI.
//   - A path becomes a file or a script below a folder, under one rule for symbolic links.
//   - A body ends with its Content-Length.
//   - A body waits in memory and then in a temporary file, within a budget.
//   - Requests wait in a queue for a free slot.
//
// Programs that serve or call applications use it only through fields of those packages. It imports
// no network package, so that a CGI program can link it.
package exchange
