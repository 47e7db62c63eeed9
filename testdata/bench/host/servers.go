//go:build linux

package main

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/yookoala/gofast"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
)

// servers are what a child process can be. args begins with the address of the application.
var servers = map[string]func(l net.Listener, args []string) error{
	"backend": func(l net.Listener, _ []string) error {
		return (&fastcgi.Server{App: gateway.AppFunc(helloApp)}).Serve(l)
	},
	"nethttp": func(l net.Listener, _ []string) error { return http.Serve(l, http.HandlerFunc(sayHello)) },
	"trivial": func(l net.Listener, args []string) error { return http.Serve(l, newTrivial(args[0])) },
	"handler": serveHandler,
	"gofast":  serveGofast,
	"php":     servePHP,
	"pair":    servePair,
}

// serveHandler is all that a program has to say. Connections are kept, as the other web servers do
// here: the application multiplexes, so none of its workers waits for one.
func serveHandler(l net.Listener, args []string) error {
	return http.Serve(l, &host.Handler{Backend: &fastcgi.Client{Addr: "unix:" + args[0], MaxIdleConns: 64}})
}

// serveGofast does as gofast's manual has it under "Pooling Clients", but for PHP's file system. It
// reports each client that goes away, as all do at the end of a round.
func serveGofast(l net.Listener, args []string) error {
	pool := gofast.NewClientPool(gofast.SimpleClientFactory(gofast.SimpleConnFactory("unix", args[0])), 10, 30*time.Second)
	session := gofast.Chain(gofast.BasicParamsMap, gofast.MapHeader, gofast.MapRemoteHost)(gofast.BasicSession)
	log.SetOutput(io.Discard)
	return http.Serve(l, gofast.NewHandler(session, pool.CreateClient))
}

const hello = "hello\n"

func helloApp(w gateway.ResponseWriter, r *gateway.Request) error {
	if r.Environ.Get("REQUEST_URI") != "/app/hello?x=1" {
		return errors.New("not the variables of the request")
	}
	if err := w.Headers().Set("Content-Type", "text/plain"); err != nil {
		return err
	}
	_, err := io.WriteString(w, hello)
	return err
}

// sayHello says its Content-Length, so that net/http has not to find it out.
func sayHello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(hello)))
	io.WriteString(w, hello)
}
