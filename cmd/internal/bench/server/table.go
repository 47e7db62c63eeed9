// Package server has the servers of the benchmarks: applications on this module's packages and on
// those of the standard library, and floors, which do the least that answering a request can cost.
package server

import (
	"net"
	"net/http"
	"net/http/fcgi"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

// All returns the servers by their names. Those that take arguments say what they are.
func All() map[string]peer.Server {
	return map[string]peer.Server{
		// FastCGI in
		"constant":    plain(func(l net.Listener) error { return serveEach(l, serveConstant) }),
		"trivial":     plain(func(l net.Listener) error { return serveEach(l, serveTrivial) }),
		"server":      plain(ours(gateway.AppFunc(helloApp)).Serve),
		"serverhttp":  plain(ours(httpapp.New(http.HandlerFunc(helloHandler))).Serve),
		"backend":     plain(ours(gateway.AppFunc(backendApp)).Serve),
		"std":         plain(standard(gateway.AppFunc(helloApp)).Serve),
		"stdhttp":     plain(standard(httpapp.New(http.HandlerFunc(helloHandler))).Serve),
		"fcgi":        plain(func(l net.Listener) error { return fcgi.Serve(l, http.HandlerFunc(helloHandler)) }),
		"stream":      plain(ours(gateway.AppFunc(streamApp)).Serve),
		"stdstream":   plain(standard(gateway.AppFunc(streamApp)).Serve),
		"file":        func(l net.Listener, args []string) error { return ours(fileApp(args[0])).Serve(l) },
		"stdfile":     func(l net.Listener, args []string) error { return standard(fileApp(args[0])).Serve(l) },
		"blocks":      serveBlocks,
		"sendfile":    serveSendfile,
		"roles":       plain(allRoles().Serve),
		"patient":     plain(ours(gateway.AppFunc(patientApp)).Serve),
		"stdpatient":  plain(standard(gateway.AppFunc(patientApp)).Serve),
		"fcgipatient": plain(func(l net.Listener) error { return fcgi.Serve(l, http.HandlerFunc(patientHandler)) }),
		"dir": func(l net.Listener, args []string) error {
			return ours(gateway.Forward(&cgi.Dir{Path: args[0]})).Serve(l)
		},

		"work":     plain(ours(gateway.AppFunc(workApp)).Serve),
		"workhttp": plain(ours(httpapp.New(http.HandlerFunc(workHandler))).Serve),
		"workstd":  plain(standard(gateway.AppFunc(workApp)).Serve),
		"workfcgi": plain(func(l net.Listener) error { return fcgi.Serve(l, http.HandlerFunc(workHandler)) }),

		// SCGI in
		"scgi":      plain((&scgi.Server{App: gateway.AppFunc(helloApp)}).Serve),
		"scgifloor": plain(func(l net.Listener) error { return serveEach(l, serveOnce) }),
		"scgidir": func(l net.Listener, args []string) error {
			return (&scgi.Server{App: gateway.Forward(&cgi.Dir{Path: args[0]})}).Serve(l)
		},

		// HTTP in
		"http":          plain(func(l net.Listener) error { return http.Serve(l, http.HandlerFunc(helloHandler)) }),
		"trivialclient": serveTrivialClient,
		"handler":       func(l net.Listener, args []string) error { return serveHandler(l, args[0], 64) },
		"newconn":       func(l net.Listener, args []string) error { return serveHandler(l, args[0], 0) },
		"gofast":        serveGofast,
		"php":           servePHP,

		"workserved": plain(func(l net.Listener) error { return http.Serve(l, http.HandlerFunc(workHandler)) }),

		"client": serveClient,

		// any in
		"pair": servePair,
	}
}

// plain is a server without arguments.
func plain(serve func(net.Listener) error) peer.Server {
	return func(l net.Listener, _ []string) error { return serve(l) }
}

func ours(app gateway.App) *fastcgi.Server { return &fastcgi.Server{App: app} }

func standard(app gateway.App) *nethttp.Server { return &nethttp.Server{App: app} }

// allRoles has an application for each role: a role without one is refused.
func allRoles() *fastcgi.Server {
	return &fastcgi.Server{
		App: gateway.AppFunc(helloApp),
		Authorizer: fastcgi.AuthorizerFunc(func(*gateway.Request) (fastcgi.Decision, error) {
			return fastcgi.Decision{}, nil
		}),
		Filter: fastcgi.FilterFunc(func(w gateway.ResponseWriter, r *gateway.Request, _ *fastcgi.Data) error {
			return helloApp(w, r)
		}),
	}
}

// serveEach runs handle for each connection, and closes the connection when it returns.
func serveEach(l net.Listener, handle func(net.Conn) error) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			handle(c) // the client reports what fails
		}()
	}
}
