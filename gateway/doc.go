// Package gateway is the core of cgikit: an application contract, and what turns an application into the answers of CGI,
// FastCGI, SCGI and HTTP.
//
// An [App] answers one request; it is what Python's wsgiref calls app(environ, start_response). A [Backend] performs one
// exchange as the web server's side. Everything in this module is one of the two, so everything composes: any way in, any way
// out. [BaseCGIHandler] runs an App for one request of a protocol that has an environment, an input stream and an output
// stream; a transport package decodes its protocol into those three and calls [BaseCGIHandler.Run].
//
// # The life of a request
//
// Run applies the environ rules, bounds the input stream to the body, calls the App, and completes the response under the
// response rules. They are the same for every transport.
//
// The environ rules: every variable that the web server sent is there, unchanged and in order, but for HTTP_PROXY, which is
// dropped (httpoxy), and HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH, which are folded into CONTENT_TYPE and CONTENT_LENGTH. A
// malformed CONTENT_LENGTH, two different ones, or an empty name are answered 400 without calling the App. A request without
// CONTENT_LENGTH has no body, unless the protocol's input ends by itself or HTTP_TRANSFER_ENCODING says "chunked", as under
// Apache's mod_cgi.
// Then the [Profiles] of known servers are applied, those only that are safe by default: today Apache's REDIRECT_ copy of
// Authorization, which adds a variable and changes none.
//
// The response rules:
//
//   - The head is committed when more than 4 KiB of body wait, at a file, at Flush, or when the App returns. Until then status
//     and fields may change, and a failure is still the error page: 500, text/plain, no diagnostics.
//   - A body that ends before that gets its Content-Length. One that the App declares is enforced: more is an error to the App
//     and not sent, less is a failure.
//   - HEAD has no body, and keeps its Content-Length. 204 and 304 have no body, no Content-Type and no Content-Length.
//   - Refused, and so a 500: control characters, names that are no token, a field Status, hop-by-hop fields, a malformed status.
//   - A response is never empty: an App that does nothing answers "200 OK" with Content-Length 0.
//   - A failure after the head was committed breaks the exchange so that the web server can notice; nothing is appended to the
//     body.
//   - Fields keep their order and their spelling. No Content-Type is invented.
//
// # Names
//
// "The web server" is the side that starts a request: nginx, Apache, or a client of this module. "Meta-variable" is RFC 3875's
// word for a CGI environment variable. These documents are cited by short names, here and in the other packages:
//
//	RFC 3875   The Common Gateway Interface (CGI) Version 1.1
//	FastCGI    FastCGI Specification, version 1.0, Open Market, 1996
//	SCGI       SCGI: A Simple Common Gateway Interface alternative, 2008
//	RFC 9110   HTTP Semantics; RFC 9112 is HTTP/1.1
//	RFC 3986   Uniform Resource Identifier (URI): Generic Syntax
//	RFC 6265   HTTP State Management Mechanism (cookies)
//	RFC 6266   Use of the Content-Disposition Header Field; RFC 8187 is the encoding of its parameters
//	wsgiref    Python's reference implementation of WSGI (PEP 3333)
//	PSGI       its like in Perl; Plack is the reference implementation. Rack is Ruby's
//
// A letter with a number, such as C42, A4, F18 or S6, is a line of testdata/requirements.txt, which tests and cases of the
// suite are named by: C and A for the two sides of CGI, F for FastCGI, S for SCGI.
//
// # From wsgiref
//
// What wsgiref names is found here, without the package wsgiref in front. Where a class is to be subclassed there, a field or a
// small interface is to be filled in here; hooks_example_test.go has an Example of each.
//
//	util.guess_scheme                             util.GuessScheme
//	util.request_uri                              util.RequestURI
//	util.application_uri                          util.ApplicationURI
//	util.shift_path_info                          util.ShiftPathInfo
//	util.setup_testing_defaults                   util.SetupTestingDefaults
//	util.is_hop_by_hop                            util.IsHopByHop
//	util.FileWrapper                              util.FileWrapper, util.NewFileWrapper
//	util.FileWrapper.__iter__                     util.FileWrapper.Blocks
//	util.FileWrapper.close                        util.FileWrapper.Close
//
//	headers.Headers                               headers.Headers, headers.New
//	headers.Headers.__getitem__                   headers.Headers.Get
//	headers.Headers.__setitem__                   headers.Headers.Set
//	headers.Headers.__delitem__                   headers.Headers.Del
//	headers.Headers.__contains__                  headers.Headers.Has
//	headers.Headers.__len__                       headers.Headers.Len
//	headers.Headers.__str__                       headers.Headers.String
//	headers.Headers.__bytes__                     headers.Headers.AppendTo
//	headers.Headers.get                           headers.Headers.Get, headers.Headers.Lookup
//	headers.Headers.get_all                       headers.Headers.GetAll
//	headers.Headers.setdefault                    headers.Headers.SetDefault
//	headers.Headers.keys                          headers.Headers.Keys
//	headers.Headers.values                        headers.Headers.Values
//	headers.Headers.items                         headers.Headers.Items
//	headers.Headers.add_header                    headers.Headers.AddHeader, headers.Param
//
//	simple_server.make_server                     httpapp.ListenAndServe, httpapp.Serve
//	simple_server.demo_app                        demo.App
//	simple_server.WSGIServer                      httpapp.Server
//	simple_server.WSGIServer.set_app              httpapp.Server.App
//	simple_server.WSGIServer.get_app              httpapp.Server.App
//	simple_server.WSGIRequestHandler              httpapp.AppHandler, httpapp.Handler
//	simple_server.WSGIRequestHandler.get_environ  httpapp.MetaVariables
//	simple_server.WSGIRequestHandler.get_stderr   httpapp.AppHandler.ErrorLog
//	simple_server.WSGIRequestHandler.handle       httpapp.AppHandler.ServeHTTP
//
//	validate.validator                            validate.New
//
//	handlers.CGIHandler                           cgi.Serve, cgi.Server
//	handlers.IISCGIHandler                        gateway.WithProfiles, gateway.Profiles
//	handlers.read_environ                         util.EnvironFromList
//	handlers.BaseCGIHandler                       gateway.BaseCGIHandler
//	handlers.SimpleHandler                        gateway.BaseCGIHandler.OriginServer
//	handlers.BaseHandler                          gateway.BaseCGIHandler
//	handlers.BaseHandler.run                      gateway.BaseCGIHandler.Run
//	handlers.BaseHandler._write                   gateway.BaseCGIHandler.Stdout
//	handlers.BaseHandler._flush                   gateway.Flusher
//	handlers.BaseHandler.get_stdin                gateway.BaseCGIHandler.Stdin
//	handlers.BaseHandler.get_stderr               gateway.BaseCGIHandler.Stderr
//	handlers.BaseHandler.add_cgi_vars             gateway.BaseCGIHandler.Environ
//	handlers.BaseHandler.wsgi_multithread         gateway.BaseCGIHandler.Multithread
//	handlers.BaseHandler.wsgi_multiprocess        gateway.BaseCGIHandler.Multiprocess
//	handlers.BaseHandler.wsgi_run_once            gateway.BaseCGIHandler.RunOnce
//	handlers.BaseHandler.os_environ               util.Environ.Clone
//	handlers.BaseHandler.server_software          gateway.BaseCGIHandler.ServerSoftware
//	handlers.BaseHandler.get_scheme               gateway.BaseCGIHandler.Scheme
//	handlers.BaseHandler.setup_environ            gateway.BaseCGIHandler.Environ
//	handlers.BaseHandler.log_exception            gateway.BaseCGIHandler.LogException
//	handlers.BaseHandler.traceback_limit          gateway.BaseCGIHandler.TracebackLimit
//	handlers.BaseHandler.error_output             gateway.BaseCGIHandler.ErrorOutput
//	handlers.BaseHandler.error_status             gateway.BaseCGIHandler.ErrorStatus
//	handlers.BaseHandler.error_headers            gateway.BaseCGIHandler.ErrorHeaders
//	handlers.BaseHandler.error_body               gateway.BaseCGIHandler.ErrorBody
//	handlers.BaseHandler.wsgi_file_wrapper        gateway.BaseCGIHandler.NoFileWrapper
//	handlers.BaseHandler.sendfile                 gateway.FileSender
//	handlers.BaseHandler.origin_server            gateway.BaseCGIHandler.OriginServer
//	handlers.BaseHandler.http_version             gateway.BaseCGIHandler.HTTPVersion
//
//	types.WSGIApplication                         gateway.App, gateway.AppFunc
//	types.WSGIEnvironment                         util.Environ
//	types.StartResponse                           gateway.ResponseWriter.Start
//	types.InputStream                             gateway.Request.Stdin
//	types.ErrorStream                             gateway.Request.Stderr
//	types.FileWrapper                             util.NewFileWrapper
//	environ["wsgi.url_scheme"]                    gateway.Request.Scheme
//	environ["wsgi.input"]                         gateway.Request.Stdin
//	environ["wsgi.errors"]                        gateway.Request.Stderr
//	environ["wsgi.multithread"]                   gateway.Request.Multithread
//	environ["wsgi.multiprocess"]                  gateway.Request.Multiprocess
//	environ["wsgi.run_once"]                      gateway.Request.RunOnce
//
// # Imports
//
// This package imports neither net nor net/http: a CGI program is started anew for every request, and pays for what it links.
package gateway
