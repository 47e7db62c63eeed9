//go:build linux

package main

import (
	"net"
	"net/http"
	"net/http/fcgi"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// servers are what a child process can be. args is what follows the name.
var servers = map[string]func(l net.Listener, args []string) error{
	"constant": func(l net.Listener, _ []string) error { return serveEach(l, serveConstant) },
	"trivial":  func(l net.Listener, _ []string) error { return serveEach(l, serveTrivial) },
	"nethttp":  func(l net.Listener, _ []string) error { return http.Serve(l, http.HandlerFunc(helloHandler)) },
	"fcgi":     func(l net.Listener, _ []string) error { return fcgi.Serve(l, http.HandlerFunc(helloHandler)) },
	"server":   func(l net.Listener, _ []string) error { return newServer(gateway.AppFunc(helloApp)).Serve(l) },
	"serverhttp": func(l net.Listener, _ []string) error {
		return newServer(httpapp.New(http.HandlerFunc(helloHandler))).Serve(l)
	},
	"std": func(l net.Listener, _ []string) error { return newNethttpServer(gateway.AppFunc(helloApp)).Serve(l) },
	"stdhttp": func(l net.Listener, _ []string) error {
		return newNethttpServer(httpapp.New(http.HandlerFunc(helloHandler))).Serve(l)
	},
	"stream":      func(l net.Listener, _ []string) error { return newServer(gateway.AppFunc(streamApp)).Serve(l) },
	"stdstream":   func(l net.Listener, _ []string) error { return newNethttpServer(gateway.AppFunc(streamApp)).Serve(l) },
	"file":        func(l net.Listener, args []string) error { return newServer(fileApp(args[0])).Serve(l) },
	"stdfile":     func(l net.Listener, args []string) error { return newNethttpServer(fileApp(args[0])).Serve(l) },
	"roles":       func(l net.Listener, _ []string) error { return newRolesServer().Serve(l) },
	"patient":     func(l net.Listener, _ []string) error { return newServer(gateway.AppFunc(patientApp)).Serve(l) },
	"stdpatient":  func(l net.Listener, _ []string) error { return newNethttpServer(gateway.AppFunc(patientApp)).Serve(l) },
	"fcgipatient": func(l net.Listener, _ []string) error { return fcgi.Serve(l, http.HandlerFunc(patientHandler)) },
	"blocks":      serveBlocks,
	"sendfile":    serveSendfile,
}

// serveEach runs handle for each connection, which it closes then.
func serveEach(l net.Listener, handle func(net.Conn) error) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			handle(c) // whatever fails here, the client reports it
		}()
	}
}
