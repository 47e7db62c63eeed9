// Package gateway is the core of cgikit: the contract between a gateway and an application, and the
// code that turns what an application writes into responses of CGI, FastCGI, SCGI and HTTP.
//
// An [App] answers one request. A [Backend] calls an application, as a web server does. [Forward]
// makes it an App. [BaseCGIHandler] runs an App for one request. An exchange is one request with
// its response.
//
//	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
//		w.Headers().Set("Content-Type", "text/plain")
//		_, err := fmt.Fprintf(w, "Hello from %s\n", r.Environ.Get("PATH_INFO"))
//		return err
//	})
//
// "The web server" is the side that sends a request, also a client of this module. The "environ" is
// all its meta-variables, such as PATH_INFO. testdata/requirements.txt explains ids such as C42.
//
// Compatibility: exported names of this module stay, in v0.x and from v1 on. It grows by new names,
// by fields whose zero value keeps the old behaviour, and by optional interfaces. A minor version
// of v0 may change a default; .github/CHANGELOG.md lists it. Not covered: texts of errors and logs,
// struct literals without field names, corrections of bugs, and packages for this module's tests.
package gateway
