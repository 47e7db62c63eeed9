// Package cgi is the Common Gateway Interface (RFC 3875), from both sides. [Serve] makes a program
// a CGI script. This is all of it:
//
//	func main() {
//		err := cgi.Serve(app)
//		if errors.Is(err, cgi.ErrNotCGI) { // any other has been logged
//			fmt.Fprintln(os.Stderr, err)
//		}
//		if err != nil {
//			os.Exit(1)
//		}
//	}
//
// On the web server's side a [Script] is a gateway.Backend that runs a script, and a [Dir] one for
// a folder of scripts, as fcgiwrap serves it.
//
// This package imports neither net nor net/http. Built with CGO_ENABLED=0, a script starts about as
// fast as an empty program, which `go run ./cmd/internal/bench cgi` measures.
package cgi
