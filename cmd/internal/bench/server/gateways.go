package server

import (
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/yookoala/gofast"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway/host"
)

// serveHandler serves HTTP by the FastCGI application at a unix socket, and keeps as many
// connections to it. The application multiplexes, so that none of its workers waits for one.
func serveHandler(l net.Listener, addr string, kept int) error {
	return http.Serve(l, &host.Handler{Backend: &fastcgi.Client{Addr: "unix:" + addr, MaxIdleConns: kept}})
}

// serveGofast does the same as gofast's manual shows it under "Pooling Clients", without PHP's file
// system. gofast logs each client that goes away, as all do at the end of a round.
func serveGofast(l net.Listener, args []string) error {
	pool := gofast.NewClientPool(gofast.SimpleClientFactory(gofast.SimpleConnFactory("unix", args[0])), 10, 30*time.Second)
	session := gofast.Chain(gofast.BasicParamsMap, gofast.MapHeader, gofast.MapRemoteHost)(gofast.BasicSession)
	log.SetOutput(io.Discard)
	return http.Serve(l, gofast.NewHandler(session, pool.CreateClient))
}

// servePHP serves the scripts of a folder by php-fpm. args are the socket of that, the folder, and
// how many connections are kept.
func servePHP(l net.Listener, args []string) error {
	kept, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	return http.Serve(l, &host.Handler{
		Backend:   &fastcgi.Client{Addr: "unix:" + args[0], MaxIdleConns: kept},
		Root:      args[1],
		SplitPath: []string{".php"},
	})
}
