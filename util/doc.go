// Package util has [Environ], the variables of a request, and the functions of Python's
// wsgiref.util. They return URLs ([RequestURI], [ApplicationURI], [GuessScheme]), move a segment
// from PATH_INFO to SCRIPT_NAME ([ShiftPathInfo]), set defaults for tests
// ([SetupTestingDefaults]), recognise hop-by-hop fields ([IsHopByHop]), and read a file in blocks
// ([FileWrapper]).
//
//	environ := util.EnvironFromList(os.Environ())
//	fmt.Println(environ.Get("REQUEST_METHOD"), util.RequestURI(environ, true))
//
// The functions behave as in CPython, also in corner cases, except where wsgiref returns a wrong
// result without an error, or raises an exception within a request. Each function lists its
// differences. [EnvironFromList] replaces handlers.read_environ of wsgiref. It changes no byte of
// the variables.
//
// A name is added to this package only if two packages of the module need it and a specification,
// or a web server's quirk, requires it. The package imports neither net nor net/http. A CGI program
// is started again for every request, and they would make each start slower.
package util
