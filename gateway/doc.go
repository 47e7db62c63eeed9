// Package gateway is the core of cgikit: the contract between a gateway and an application, and the
// code that turns what an application writes into responses of CGI, FastCGI, SCGI and HTTP.
//
// An [App] answers one request; wsgiref calls it app(environ, start_response). A [Backend] performs
// one exchange in the role of the web server; [Forward] makes it an App. [BaseCGIHandler] runs an
// App for one request, whatever the transport; it lists the rules of the environ, and
// [ResponseWriter] those of the response.
//
//	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
//		w.Headers().Set("Content-Type", "text/plain")
//		_, err := fmt.Fprintf(w, "Hello from %s\n", r.Environ.Get("PATH_INFO"))
//		return err
//	})
//
// In this module "the web server" is the side that starts a request: nginx, Apache, or a client of
// ours. A "meta-variable" is a CGI environment variable. testdata/requirements.txt explains the
// short names of specifications, such as FastCGI, and the ids of requirements, such as C42;
// testdata/wsgiref.txt has the counterpart of each name of wsgiref.
//
// The package imports neither net nor net/http. A CGI program is started again for every request,
// and every linked package makes that start slower.
package gateway
