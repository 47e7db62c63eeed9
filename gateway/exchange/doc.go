// Package exchange holds the web server's rules, each of them once: what package host, the CGI
// backends of package cgi, and the clients of packages fastcgi and scgi share when they play the
// web server's side.
//
//   - A request target becomes the variables SCRIPT_NAME, PATH_INFO and REQUEST_URI.
//   - A path becomes a file or a script below a folder, under one rule for symbolic links.
//   - A body ends with its Content-Length.
//   - A body waits in memory and then in a temporary file, within a budget.
//   - Requests wait in line for a free slot.
//
// Programs that serve or call applications have no need of it: its types show through as fields of
// those packages. It imports no network package, so that a CGI program can link it.
package exchange
