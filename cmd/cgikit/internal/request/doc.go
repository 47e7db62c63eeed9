// Package request sends one request to an application and shows what comes back: the work of the
// verb "cgikit request". It is to FastCGI, SCGI and CGI what curl is to HTTP.
//
//	r := &request.Request{Target: t, Path: "/x.php?id=1", Streams: streams}
//	r.Root = "/srv/www"
//	err := r.Run(ctx) // the answer is on standard output
//	os.Exit(cli.Status(err))
//
// A Request becomes a message: location.go finds the script in the path, environ.go makes the
// variables that a plain web server sends, capture.go those of a real one, body.go and form.go the
// body. exchange.go sends the message and copies the answer, which output.go, verbose.go,
// writeout.go and json.go show. failure.go makes an error of what went wrong, with an exit status
// of curl. known.go and script.go add the hints.
package request
