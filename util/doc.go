// Package util holds the meta-variables of a request, [Environ], and what Python's wsgiref.util
// does with them: URLs ([RequestURI], [ApplicationURI], [GuessScheme]), moving along PATH_INFO
// ([ShiftPathInfo]), defaults for tests, hop-by-hop fields, and a file as a body ([FileWrapper]).
//
//	environ := util.EnvironFromList(os.Environ())
//	fmt.Println(environ.Get("REQUEST_METHOD"), util.RequestURI(environ, true))
//
// Everything behaves as in CPython, its corner cases included, except where wsgiref gives a wrong
// answer without an error, or an exception in the middle of a request. Each function lists its
// differences. In place of handlers.read_environ, which encodes the variables anew, there is
// [EnvironFromList]: in Go they are the web server's bytes already.
//
// A name is added to this package only if two packages of the module need it and a specification,
// or a web server's quirk, requires it. The package imports neither net nor net/http: a CGI program
// is started anew for every request and would pay for them each time.
package util
