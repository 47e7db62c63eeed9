// Package validate checks both sides of the contract between a gateway and an application while
// requests are answered. Its models are Python's wsgiref.validate, Plack::Middleware::Lint and
// Rack::Lint.
//
// [New] wraps an App, and checks both sides. Of the gateway, it checks the environ and the streams;
// of the App, the status, the fields, the body and the order of calls. [Handler] does the same for
// an http.Handler. [Rules] lists the checks, and [Options] set how a [Violation] is reported:
//
//	err := fastcgi.ListenAndServe("unix:/run/app.sock", validate.New(app, nil))
//
// Use the package in development and tests: a small request takes at most three times as long. It
// imports net/http, which makes a CGI program larger and slower to start.
package validate
