// Package util holds a request's meta-variables, [Environ], and what Python's wsgiref.util does with them: rebuilding URLs, moving along
// PATH_INFO, defaults for tests, hop-by-hop fields, and a file as a body.
//
// # What belongs here
//
// A name is admitted only if two packages of this module need it and a specification or a web server's quirk stands behind it. What one package
// needs stays there, and what is merely handy stays out: util is a given name, no invitation.
//
// The package imports neither net nor net/http: a CGI program is started anew for every request and would pay for them each time.
package util
