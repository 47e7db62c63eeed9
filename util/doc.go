// Package util holds a request's meta-variables, [Environ], and what Python's wsgiref.util does with them: rebuilding URLs, moving along
// PATH_INFO, defaults for tests, hop-by-hop fields, and a file as a body.
//
// # What belongs here
//
// A name is admitted only if two packages of this module need it and a specification or a web server's quirk stands behind it. What one package
// needs stays there, and what is merely handy stays out: util is a given name, no invitation.
//
// The package imports neither net nor net/http: a CGI program is started anew for every request and would pay for them each time.
//
// # Departures from wsgiref.util
//
// Everything not listed behaves as in CPython, its corner cases included. Departed from is what gives a wrong answer there without an error, or
// an exception in the middle of a request:
//
//   - HTTPS is compared without case, and REQUEST_SCHEME is believed where HTTPS is absent or empty.
//   - The URL functions ask GuessScheme, where wsgiref reads wsgi.url_scheme.
//   - A PATH_INFO x/y is taken as /x/y. wsgiref's shift_path_info returns y and leaves x, or raises IndexError; its request_uri drops the x.
//   - A SCRIPT_NAME app is taken as /app, where wsgiref glues it to the host name, and one of slashes alone as the empty one it should be,
//     where wsgiref doubles the slash.
//   - Repeated slashes in the rest of PATH_INFO survive ShiftPathInfo, except in the rests that CPython's tests pin: see there.
//   - SCRIPT_NAME and PATH_INFO are quoted alike, so that ShiftPathInfo never changes the URL of a plain path. wsgiref encodes ;=, in the first only.
//   - Quoting works on bytes: one from 0x80 up is always encoded. wsgiref raises UnicodeEncodeError past Latin-1.
//   - In QUERY_STRING, controls, space, "#<> and bytes from 0x7F up are encoded, where wsgiref lets them end or break the URL.
//   - An IPv6 SERVER_NAME gets its brackets, an empty one is replaced by SERVER_ADDR, and an absent SERVER_PORT is no port instead of a KeyError.
//   - IsHopByHop knows Trailer and Proxy-Connection.
//   - SetupTestingDefaults sets no wsgi.* variables: those are fields of gateway.Request.
//   - FileWrapper can be closed twice, and always has Close: without an io.Closer inside, it does nothing.
//   - wsgiref's handlers.read_environ has no counterpart: in Go the variables are the server's bytes already.
package util
