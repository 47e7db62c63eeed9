// Package host is the web server's side of CGI, FastCGI and SCGI. A [Handler] is an http.Handler
// that answers with a gateway.Backend. Here it serves a folder of PHP files, as a development
// server does:
//
//	http.Handle("/", &host.Handler{
//		Backend:   &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock"},
//		Root:      "/srv/www",
//		SplitPath: []string{".php"},
//		Index:     []string{"index.php"},
//		Next:      &host.Files{Root: "/srv/www"}, // the files that are not scripts
//	})
//
// A Handler is also a gateway.App: package launch and every server of this module can serve it. For
// example, a FastCGI server can then pass its requests on to an SCGI application. A [Transport] is
// a Handler as an http.RoundTripper, for httputil.ReverseProxy. [Scripts] finds the scripts of a
// folder, and [Files] sends its files. A [Spool] reads the whole body before it sends the request
// to a backend.
package host
