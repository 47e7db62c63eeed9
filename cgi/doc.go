// Package cgi is the Common Gateway Interface (RFC 3875), from both sides. [Serve] makes a program a CGI script: it answers the
// one request for which a web server started the process. [Script] is the web server's side: a gateway.Backend that runs a script. [Dir]
// is that for a folder of scripts, as fcgiwrap serves it.
//
// # A CGI program
//
// This is all of it; the exit status is how it tells that its response, though begun, is not complete:
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
// Web servers do not look at the exit status, with one exception: [Script], which the programs of Serve ask to. It sets
// CGIKIT_STRICT_EXIT=1 in their environment, and Serve, seeing that, adds the field "X-CGI-Strict-Exit: 1" to the head of its
// response, which Script removes. Any program may send that field. Behind other web servers the client sees a late failure only
// where the response has a Content-Length (lighttpd 1.4.69), or where the script is an nph one (lighttpd, and Apache 2.4.71
// too), whose chunks then lack their end. See [Server.NPH].
//
// The process is started anew for every request and pays for what it links. Build it with CGO_ENABLED=0: the program then
// starts about as fast as an empty one, which testdata/bench/cgi measures. This package imports neither net nor net/http.
//
// # Standard input
//
// Apache hands over the whole request body before it reads the answer. So Serve, before the first byte of output, reads what the
// App has left of the body: up to CONTENT_LENGTH, or to the end for a chunked body. An App that is still running may read on; what
// it has not read by then waits in memory, and from the second MiB on in a temporary file without a name. [Server.MaxSpoolBytes]
// bounds the two together. What is over the bound is dropped, so that an App that never reads its body answers all the same, and one
// that does gets an error at the first byte that is missing. There is no 413 for it: the head is on its way. An App that
// streams a large body through reads it before it writes, or raises the bound.
//
// # Standard output and signals
//
// A web server that goes away ends the response without a message and without an error. SIGTERM ends the process as ever, unless the
// App has asked for the Done channel of its request's context: then the first SIGTERM ends the context, and the second the process.
//
// # A web server for scripts
//
// This is a FastCGI server in front of a folder of scripts, for web servers that run none by themselves, such as nginx:
//
//	scripts := &cgi.Dir{Path: "/usr/lib/cgi-bin", Script: cgi.Script{RequestTimeout: time.Minute, MaxScripts: 16}}
//	defer scripts.Close()
//	err := fastcgi.ListenAndServe("fastcgi+unix:/run/cgi.sock?mode=0660", gateway.Forward(scripts))
//
// A script that fails, hangs, floods or does not end costs its own request, and nothing else: see [Script]. Close stops those that
// still run when the server has ended.
package cgi
