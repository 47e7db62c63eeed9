// Package cgi implements both sides of the Common Gateway Interface (RFC 3875). [Serve] makes a
// program a CGI script. This is a complete one:
//
//	func main() {
//		err := cgi.Serve(app)
//		if errors.Is(err, cgi.ErrNotCGI) { // other errors have been logged
//			fmt.Fprintln(os.Stderr, err)
//		}
//		if err != nil {
//			os.Exit(1)
//		}
//	}
//
// On the web server's side, a [Script] is a gateway.Backend that runs one script, a [Dir] runs the
// scripts of a folder, and a [Named] those that a web server names, as fcgiwrap does.
//
// A script is started for every request. This package imports neither net nor net/http, and a
// script built with CGO_ENABLED=0 starts about as fast as an empty program; `go run
// ./cmd/internal/bench cgi` measures it.
package cgi
