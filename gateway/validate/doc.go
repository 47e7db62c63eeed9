// Package validate checks both sides of the contract between a gateway and an application while
// requests are answered. It does what Python's wsgiref.validate, Plack::Middleware::Lint and
// Rack::Lint do, and more.
//
// [New] wraps an App: between a gateway under development and any App it judges the gateway, the
// environ and the streams; between any gateway and an App under development it judges the App, its
// status, fields, body and calls. [Handler] does the same for an http.Handler. [Rules] lists what
// is checked, and [Options] say what becomes of a [Violation]:
//
//	err := fastcgi.ListenAndServe("unix:/run/app.sock", validate.New(app, nil))
//
// The package is for development and tests: a small request takes at most three times as long. It
// imports net/http, which makes a CGI program larger and slower to start.
package validate
