// Package util has the meta-variables of a request, [Environ], and the functions of Python's
// wsgiref.util for them: URLs ([RequestURI], [ApplicationURI], [GuessScheme]), a step along
// PATH_INFO ([ShiftPathInfo]), defaults for tests, hop-by-hop fields, and a file as a body
// ([FileWrapper]).
//
//	environ := util.EnvironFromList(os.Environ())
//	fmt.Println(environ.Get("REQUEST_METHOD"), util.RequestURI(environ, true))
//
// The functions behave as in CPython, also in corner cases, except where wsgiref returns a wrong
// result without an error, or raises an exception within a request. Each function lists its
// differences. [EnvironFromList] replaces handlers.read_environ, which encodes the variables again:
// in Go they already are the bytes that the web server sent.
//
// A name is added to this package only if two packages of the module need it and a specification,
// or a web server's quirk, requires it. The package imports neither net nor net/http. A CGI program
// is started again for every request, and they would make each start slower.
package util
